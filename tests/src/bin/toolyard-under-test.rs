//! The command `toolyard` again, where integration tests can find it. It must not differ from the real one.

#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    toolyard::cli::main()
}
