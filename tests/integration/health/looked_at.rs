//! `health NAME` with short limits, and what it said.

use std::process::Output;

use serde_json::{Value, json};

use crate::lab::Lab;

/// What it came to.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) json: Value,
    /// The table.
    pub(crate) out: String,
}

impl Said {
    /// The row of `mine`.
    pub(crate) fn row(&self) -> &Value {
        self.of("mine")
    }

    pub(crate) fn of(&self, service: &str) -> &Value {
        &self.json["services"][service]
    }

    /// The line below the row, as people read it.
    pub(crate) fn detail(&self) -> &str {
        self.detail_of("mine")
    }

    pub(crate) fn detail_of(&self, service: &str) -> &str {
        let mut lines = self.out.lines().skip_while(|line| !line.starts_with(service)).skip(1);
        lines.next().filter(|line| line.starts_with("  ")).map_or("", str::trim)
    }
}

/// Settings of one service at these places.
pub(crate) fn at(urls: &[String]) -> Value {
    probed(&json!({ "url": urls }))
}

pub(crate) fn probed(probe: &Value) -> Value {
    json!({"mine": {"probe": probe}})
}

/// A folder where these services are looked at, with limits that a test can wait for.
pub(crate) fn lab_with(services: &Value) -> Lab {
    let lab = Lab::new();
    configure(&lab, services);
    lab
}

pub(crate) fn configure(lab: &Lab, services: &Value) {
    let names: Vec<&String> = services.as_object().unwrap().keys().collect();
    let health = json!({
        "services": names, "timeout": 1, "unhealthy_after": 0.9, "degraded_after": 0.8, "interval": 30
    });
    let all = json!({"performance": {"services": services, "health_checks": health}});
    std::fs::write(lab.path("config.yaml"), all.to_string()).unwrap();
}

/// Looks at all of them in JSON, and shows what is known as a table.
pub(crate) fn look(lab: &Lab) -> Said {
    look_with(lab, &[])
}

pub(crate) fn look_with(lab: &Lab, variables: &[(&str, &str)]) -> Said {
    let run = |args: &[&str]| -> Output {
        let args = [&["--config", "config.yaml"], args].concat();
        lab.command(&args).envs(variables.iter().copied()).output().unwrap()
    };
    let first = run(&["--json", "health"]);
    let code = first.status.code().unwrap();
    let out = String::from_utf8(first.stdout).unwrap();
    let json: Value = serde_json::from_str(&out)
        .unwrap_or_else(|error| panic!("{error}: {out}{}", String::from_utf8_lossy(&first.stderr)));
    let _ = tests::schema::check(&json);
    // What was found a moment ago is not looked at again.
    let second = run(&["health"]);
    assert_eq!(second.status.code(), Some(code), "{json}");
    Said { code, json, out: String::from_utf8(second.stdout).unwrap() }
}
