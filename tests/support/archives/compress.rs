//! What tars are put into.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use lzma_rust2::{XzOptions, XzWriter};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Gzip.
#[must_use]
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(content).unwrap();
    gzip.finish().unwrap()
}

/// XZ.
#[must_use]
pub fn xz(content: &[u8]) -> Vec<u8> {
    xz_with(content, 1 << 20)
}

/// XZ whose dictionary has so many bytes.
#[must_use]
pub fn xz_with(content: &[u8], dictionary: u32) -> Vec<u8> {
    let mut options = XzOptions::with_preset(0);
    options.lzma_options.dict_size = dictionary;
    let mut xz = XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(content).unwrap();
    xz.finish().unwrap()
}

/// Zstandard, with a sum.
#[must_use]
pub fn zstandard(content: &[u8]) -> Vec<u8> {
    compress_to_vec(content, CompressionLevel::Fastest)
}
