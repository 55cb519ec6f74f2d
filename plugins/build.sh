#!/usr/bin/env bash
# Builds the plugins and the test guests as components: `plugins/prebuilt/NAME.wasm`, `tests/guests/prebuilt/NAME.wasm`.
#
#   build.sh [NAME…]        builds these, or all of them
#   build.sh --target       only makes sure that Rust can compile for wasm32-wasip2
#   build.sh --digest NAME  prints the digest of the sources of a component, which the built one carries in its
#                           custom section `toolyard:source`
#
# It must not write outside of this repository, except for the compile target, which is put where the active toolchain
# looks for it.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname -- "$here")
target=wasm32-wasip2
work=$here/target/$target-std
# In the target's folder: laid out by this script, not by the toolchain's own installer.
mark=laid-out-by-toolyard
export CARGO_TARGET_DIR=$here/target

say() { printf '%s\n' "$*" >&2; }
die() { say "build.sh: $*"; exit 1; }

# The SHA-256 of the standard input, as hexadecimal digits.
sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

# --- what there is to build -------------------------------------------------------------------------------------------

# The folder of a component, relative to the repository.
folder() {
    if [[ $1 != sdk && -f $root/plugins/$1/Cargo.toml ]]; then
        echo "plugins/$1"
    elif [[ -f $root/tests/guests/$1/Cargo.toml ]]; then
        echo "tests/guests/$1"
    else
        die "there is no plugin or test guest '$1'"
    fi
}

all_names() {
    local manifest name
    for manifest in "$root"/plugins/*/Cargo.toml "$root"/tests/guests/*/Cargo.toml; do
        name=$(basename -- "$(dirname -- "$manifest")")
        [[ $name == sdk || ! -f $manifest ]] || echo "$name"
    done
}

# SHA-256 over the sorted names and contents of everything a component is made from.
digest() {
    local from
    from=$(folder "$1")
    (
        cd -- "$root"
        find "$from" plugins/sdk wit plugins/Cargo.toml plugins/Cargo.lock \
            -name target -prune -o -type f -print | LC_ALL=C sort | while IFS= read -r file; do
            printf '%s %s\n' "$(sha256 <"$file")" "$file"
        done | sha256
    )
}

# --- the compile target -----------------------------------------------------------------------------------------------

# Whether the active rustc finds a standard library for the target that is of its own version.
have_target() {
    local scratch status=0
    scratch=$(mktemp -d)
    echo | rustc --target "$target" --crate-type lib --crate-name probe --emit metadata \
        --out-dir "$scratch" - >/dev/null 2>&1 || status=1
    rm -rf -- "$scratch"
    return "$status"
}

ensure_target() {
    command -v rustc >/dev/null || die "there is no rustc; get Rust from https://rustup.rs"
    have_target && return
    local sysroot
    sysroot=$(rustc --print sysroot)
    if [[ -e $sysroot/lib/rustlib/$target/$mark ]]; then
        say "the target $target was put together for another version of Rust"
        rm -rf -- "${sysroot:?}/lib/rustlib/$target"
    fi
    if command -v rustup >/dev/null && [[ $sysroot == "$(rustup show home 2>/dev/null)"/* ]]; then
        say "adding the target $target"
        if rustup target add "$target" >&2 && have_target; then return; fi
        say "rustup could not add it; trying Debian's packages of the same version"
    fi
    if from_debian && have_target; then return; fi
    die "Rust $(rustc_version) can't compile for $target here.
  Do one of these, then run this again:
  - with rustup and its download server in reach: rustup target add $target
  - on a Debian-like system with apt-get, dpkg and Debian's keyring: make Debian's package server reachable
    (DEBIAN_MIRROR=… names another one), and use a Rust version that Debian has as package rust-src
  - with another package manager: install its package of Rust's standard library for $target"
}

rustc_version() { rustc -vV | sed -n 's/^release: //p'; }

# Builds the standard library from Debian's packages of Rust's sources and of WASI's C library, installing neither.
from_debian() {
    local version sysroot suite keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    version=$(rustc_version)
    sysroot=$(rustc --print sysroot)
    for need in apt-get apt-cache dpkg cargo; do
        command -v "$need" >/dev/null || { say "  no $need"; return 1; }
    done
    [[ -r $keyring ]] || { say "  no Debian keyring"; return 1; }
    [[ -w $sysroot/lib/rustlib ]] || { say "  no right to write to the toolchain"; return 1; }
    rm -rf -- "$work"
    mkdir -p -- "$work"/{lists/partial,cache/archives/partial,parts,packages,root}
    : >"$work/status"
    for suite in trixie-backports testing unstable; do
        echo "deb [signed-by=$keyring] ${DEBIAN_MIRROR:-http://deb.debian.org/debian} $suite main" >"$work/sources.list"
        say "  looking for Rust $version in Debian's $suite"
        private apt-get -qq update >&2 || continue
        fetch rust-src "$version+" && fetch wasi-libc "" && break
    done
    [[ -d $(rust_library) ]] || { say "  no such version found"; return 1; }
    [[ -d $(libc_folder) ]] || { say "  no C library for $target found"; return 1; }
    build_std && lay_out "$sysroot"
}

# Runs an apt command on lists, caches and settings of its own; nothing of the system's is read or changed but its
# network settings.
private() {
    local command=$1
    shift
    "$command" -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts="$work/parts" \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts="$work/parts" \
        -o Dir::State="$work" -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" \
        -o Dir::Cache="$work/cache" -o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}

# Downloads the newest version of a package that begins so, and unpacks it.
fetch() {
    local package=$1 begin=$2 version
    version=$(private apt-cache madison "$package" | awk '{print $3}' | { grep -F -- "$begin" || true; } |
        while IFS= read -r found; do [[ $found == "$begin"* ]] && echo "$found"; done | head -n 1)
    [[ -n $version ]] || return 1
    say "  fetching $package $version"
    (cd -- "$work/packages" && private apt-get -qq download "$package=$version" >&2) || return 1
    dpkg -x "$work/packages/${package}_"*.deb "$work/root"
}

rust_library() { echo "$work/root/usr/src/rustc-$(rustc_version)/library"; }
libc_folder() { find "$work/root/usr/lib" -type d -name "$target" 2>/dev/null | head -n 1; }

build_std() {
    local library remap
    library=$(rust_library)
    remap="--remap-path-prefix=$library=/rustc/library --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    say "  building the standard library (about half a minute)"
    (
        cd -- "$library"
        RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA=stdwasi \
            RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes $remap" \
            cargo build --quiet --manifest-path sysroot/Cargo.toml --release --target "$target" \
            --target-dir "$work/build" --no-default-features \
            --features backtrace,panic-unwind,compiler-builtins-mem >&2
    )
}

# Puts the finished library where the toolchain looks for it, in one step.
lay_out() {
    local rustlib=$1/lib/rustlib staged=$1/lib/rustlib/.$target.$$
    mkdir -p -- "$staged/lib/self-contained"
    cp -- "$work/build/$target/release/deps/"*.rlib "$staged/lib/"
    cp -- "$(libc_folder)"/{crt1-command.o,crt1-reactor.o,libc.a} "$staged/lib/self-contained/"
    : >"$staged/$mark"
    rm -rf -- "${rustlib:?}/$target"
    mv -- "$staged" "$rustlib/$target"
    # What was compiled against another standard library doesn't link with this one, and cargo can't tell.
    rm -rf -- "$work" "${CARGO_TARGET_DIR:?}/$target"
    say "  the target $target is in place"
}

# --- building ---------------------------------------------------------------------------------------------------------

build() {
    local name=$1 from into
    from=$(folder "$name")
    case $from in
        plugins/*) into=$root/plugins/prebuilt ;;
        *) into=$root/tests/guests/prebuilt ;;
    esac
    # A component must not carry the paths of the machine that built it.
    TOOLYARD_SOURCE_DIGEST=$(digest "$name") \
        CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS="--remap-path-prefix=$root=/toolyard --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
        cargo build --quiet --manifest-path "$here/Cargo.toml" --release --target "$target" -p "toolyard-$name"
    mkdir -p -- "$into"
    cp -- "$CARGO_TARGET_DIR/$target/release/toolyard_$name.wasm" "$into/.$name.wasm.new"
    mv -- "$into/.$name.wasm.new" "$into/$name.wasm"
    printf '%8d  %s\n' "$(wc -c <"$into/$name.wasm")" "${into#"$root/"}/$name.wasm"
}

main() {
    case ${1-} in
        --digest)
            [[ $# -eq 2 ]] || die "--digest takes one name"
            digest "$2"
            return
            ;;
        --target) ensure_target; return ;;
        -*) die "unknown option '$1'; the first lines of this file say what there is" ;;
    esac
    local names=("$@") name
    [[ $# -gt 0 ]] || mapfile -t names < <(all_names)
    ensure_target
    for name in "${names[@]}"; do
        build "$name"
    done
}

main "$@"
