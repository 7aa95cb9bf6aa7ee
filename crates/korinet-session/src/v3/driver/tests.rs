mod cancel;
mod continuity;
mod ending;
mod flow;
mod storms;
mod world;
