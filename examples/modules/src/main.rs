//! Everything that `vps-configurator` does, with two modules more that steps of a plan can be.

mod package_repository;
mod release_service;

use std::process::ExitCode;

use vps_configurator::module::{InvalidModule, Modules};

use crate::package_repository::PackageRepository;
use crate::release_service::ReleaseService;

fn main() -> Result<ExitCode, InvalidModule> {
    let modules = Modules::builtin().with::<PackageRepository>()?.with::<ReleaseService>()?;
    Ok(vps_configurator::run(modules))
}
