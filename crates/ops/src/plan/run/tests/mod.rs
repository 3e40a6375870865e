mod ends;
mod files;
mod lab;
mod lost;
