mod ends;
mod files;
mod lab;
