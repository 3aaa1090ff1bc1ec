//! Files: their bytes, where they stay, and the reports that have them.

mod barrido;
mod motor;
mod taller;
