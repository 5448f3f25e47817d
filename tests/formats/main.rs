//! The frozen formats: docs/formats.md and the code say the same. Blocks of the page that stand behind `<!-- held: NAME -->` are made
//! from the code here and compared.

mod command_line;
mod database;
mod home;
mod page;
mod queue;
mod server;
mod step_script;
mod words;
