//! `vps-configurator`, with the modules that come with it.

use std::process::ExitCode;

use vps_configurator::module::Modules;

fn main() -> ExitCode {
    vps_configurator::run(Modules::builtin())
}
