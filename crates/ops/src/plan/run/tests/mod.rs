mod ends;
mod files;
mod heard;
mod lab;
mod lost;
