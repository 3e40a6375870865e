//! What apt is configured to do.

use std::path::{Path, PathBuf};

use url::Url;

/// apt's own settings; names are looked up without regard to case, as apt does.
#[derive(Clone, Default)]
pub(in crate::apt) struct AptConfig {
    /// Keys in lower case, in their order.
    pub(in crate::apt) values: Vec<(String, String)>,
}

impl AptConfig {
    /// The value of a key; an empty one is none. Where a key was given twice, the last one counts.
    pub(in crate::apt) fn get(&self, key: &str) -> Option<&str> {
        let key = key.to_ascii_lowercase();
        let found = self.values.iter().rev().find(|(name, _)| *name == key);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn is_on(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| matches!(value, "1" | "true" | "yes" | "on"))
    }

    /// A file or folder of apt's, below its folders as apt nests them: an absolute name begins anew, and all
    /// is below `RootDir`.
    fn path(&self, folders: &[(&str, &str)]) -> PathBuf {
        let mut path = PathBuf::new();
        for (key, usual) in folders {
            path.push(self.get(key).unwrap_or(usual));
        }
        match self.get("RootDir") {
            Some(root) => Path::new(root).join(path.strip_prefix("/").unwrap_or(&path)),
            None => path,
        }
    }

    /// Where the indexes are that were fetched.
    pub(in crate::apt) fn lists(&self) -> PathBuf {
        self.path(&[("Dir", "/"), ("Dir::State", "var/lib/apt"), ("Dir::State::lists", "lists/")])
    }

    /// Where apt keeps what it made of the indexes, which it believes.
    pub(in crate::apt) fn cache(&self) -> PathBuf {
        self.path(&[("Dir", "/"), ("Dir::Cache", "var/cache/apt")])
    }

    /// The one file of sources.
    pub(in crate::apt) fn source_list(&self) -> PathBuf {
        self.path(&[("Dir", "/"), ("Dir::Etc", "etc/apt"), ("Dir::Etc::sourcelist", "sources.list")])
    }

    /// The folder of files of sources.
    pub(in crate::apt) fn source_parts(&self) -> PathBuf {
        self.path(&[("Dir", "/"), ("Dir::Etc", "etc/apt"), ("Dir::Etc::sourceparts", "sources.list.d")])
    }

    /// The files that hold apt's own passwords for servers.
    pub(in crate::apt) fn auth_files(&self) -> [PathBuf; 2] {
        [
            self.path(&[("Dir", "/"), ("Dir::Etc", "etc/apt"), ("Dir::Etc::netrc", "auth.conf")]),
            self.path(&[("Dir", "/"), ("Dir::Etc", "etc/apt"), ("Dir::Etc::netrcparts", "auth.conf.d")]),
        ]
    }

    /// Why apt must fetch `url` itself: it was told something about the way there that we do not know how
    /// to do. `None` where our own fetching does the same.
    pub(in crate::apt) fn own_way_to(&self, url: &Url) -> Option<&'static str> {
        let scheme = url.scheme();
        if !matches!(scheme, "http" | "https") {
            return Some("its method is not http or https");
        }
        let host = url.host_str().unwrap_or_default();
        let said = |key: &str| {
            self.get(&format!("Acquire::{scheme}::{key}::{host}"))
                .or_else(|| self.get(&format!("Acquire::{scheme}::{key}")))
        };
        // https takes the proxy of http where it has none of its own.
        let proxy = said("Proxy").or_else(|| self.get("Acquire::http::Proxy"));
        let asks = ["Proxy-Auto-Detect", "ProxyAutoDetect"];
        let asks =
            |scheme: &str| asks.iter().any(|key| self.get(&format!("Acquire::{scheme}::{key}")).is_some());
        if proxy == Some("DIRECT") {
            return Some("apt was told to go there without a proxy");
        }
        if proxy.is_some() || asks("http") || asks("https") {
            return Some("apt has a proxy of its own");
        }
        if said("Dl-Limit").is_some()
            || ["ForceIPv4", "ForceIPv6"].iter().any(|key| self.is_on(&format!("Acquire::{key}")))
        {
            return Some("apt was told how to use the network");
        }
        let tls = ["CaInfo", "CAPath", "SslCert", "SslKey", "Verify-Peer", "Verify-Host", "CRLFile"];
        if scheme == "https" && tls.iter().any(|key| said(key).is_some()) {
            return Some("apt has certificates of its own");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> AptConfig {
        AptConfig::parse(lines)
    }

    #[test]
    fn paths_nest_as_apt_nests_them() {
        let usual =
            config("Dir \"/\";\nDir::State \"var/lib/apt\";\nDir::State::lists \"lists/\";\nnonsense\n");
        assert_eq!(usual.lists(), Path::new("/var/lib/apt/lists/"));
        assert_eq!(usual.source_list(), Path::new("/etc/apt/sources.list"));
        let other = config(
            "RootDir \"/scratch\";\nDir::State::Lists \"/elsewhere\";\nDir::Etc::SourceParts \"parts\";\n",
        );
        assert_eq!(other.source_parts(), Path::new("/scratch/etc/apt/parts"));
        assert_eq!(other.lists(), Path::new("/scratch/elsewhere"));
    }

    #[test]
    fn the_last_value_counts_and_an_empty_one_is_none() {
        let config = config("A \"1\";\nB \"\";\na \"2\";\n");
        assert_eq!(config.get("A"), Some("2"));
        assert_eq!(config.get("b"), None);
    }

    #[test]
    fn what_apt_was_told_of_the_way_is_left_to_apt() {
        let url = |text: &str| Url::parse(text).unwrap();
        let plain = config("Acquire::http::Timeout \"10\";");
        assert_eq!(plain.own_way_to(&url("http://a.example.com/x.deb")), None);
        assert!(plain.own_way_to(&url("file:///x.deb")).is_some());
        assert!(plain.own_way_to(&url("mirror+http://a.example.com/x.deb")).is_some());
        let proxied = config(
            "Acquire::http::Proxy \"http://proxy.example.com\";\nAcquire::http::Proxy::in.example.com \"DIRECT\";",
        );
        assert!(proxied.own_way_to(&url("http://a.example.com/x.deb")).is_some());
        assert!(proxied.own_way_to(&url("https://a.example.com/x.deb")).is_some());
        // Our own fetching would take the environment's.
        assert!(proxied.own_way_to(&url("http://in.example.com/x.deb")).is_some());
        let asked = config("Acquire::http::Proxy-Auto-Detect \"/bin/x\";");
        assert!(asked.own_way_to(&url("http://a.example.com/x.deb")).is_some());
        let certificates = config("Acquire::https::CaInfo \"/etc/ca.pem\";");
        assert!(certificates.own_way_to(&url("https://a.example.com/x.deb")).is_some());
        assert_eq!(certificates.own_way_to(&url("http://a.example.com/x.deb")), None);
    }
}
