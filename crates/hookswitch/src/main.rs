//! `hookswitch`: the daemon and its command line. See the library beside it.

fn main() -> std::process::ExitCode {
    hookswitch::run()
}
