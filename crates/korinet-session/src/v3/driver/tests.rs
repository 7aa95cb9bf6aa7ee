mod bulk;
mod cancel;
mod continuity;
mod ending;
mod flow;
mod policy;
mod storms;
mod world;
