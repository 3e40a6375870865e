//! Whom apt has passwords for, from its files in the format of `.netrc`.

/// The hosts that a file names: what follows the word `machine`, without port and path.
pub(in crate::apt) fn hosts_with_password(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let hosts = words.windows(2).filter_map(|pair| match pair {
        ["machine", named] => {
            let named = named.split_once("://").map_or(*named, |(_, rest)| rest);
            named.split([':', '/']).next().map(str::to_owned)
        }
        _ => None,
    });
    hosts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_without_method_port_and_path() {
        let text =
            "machine a.example.com login me password canary\nmachine https://b.example.com:8443/x login me\n";
        assert_eq!(hosts_with_password(text), ["a.example.com", "b.example.com"]);
        assert_eq!(hosts_with_password("machine"), [""; 0]);
    }
}
