//! The command `toolyard`. It must not hold anything but the call into the library.

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    toolyard::cli::main()
}
