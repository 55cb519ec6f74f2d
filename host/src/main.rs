//! The command `toolyard`. It must not hold anything but the call into the library.

fn main() -> std::process::ExitCode {
    toolyard::cli::main()
}
