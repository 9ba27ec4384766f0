# A contributor's tasks. Each line is a command that works without just, too.

# Show the tasks
default:
    @just --list

# The pure parts, in seconds; needs Rust only
lib:
    cargo test --locked --lib

# The pure parts and the main commands on a real OpenBao, in about a minute; needs Python, no root
quick:
    tests/run --quick

# Everything, on real parts; or one group: just test inject
test *GROUP:
    tests/run {{GROUP}}

# What every change must pass
gate:
    .ci/run

# Format and lint; by file, since cargo fmt does not see modules that a macro declares
lint:
    git ls-files '*.rs' | xargs rustfmt --edition 2024
    cargo clippy --locked --all-targets -- -D warnings

# Write the manual pages and completions anew
manual:
    UPDATE=1 tests/run manual -- --test-threads 1

# Write the list of MCP tools anew
tools:
    UPDATE=1 cargo test --locked --lib the_committed_list

# The long test of noninterference
noninterference SEQUENCES="100000":
    tests/run noninterference --sequences {{SEQUENCES}}

# Measure against curl and bao
bench:
    benches/run

# The book, as web pages in target/book
book:
    mdbook build docs

# The reference of the library
doc:
    cargo doc --no-deps --open

# The archive and the Debian package
package:
    packaging/run

# The picture of the README's terminal, and those of the approval page
pictures:
    cargo build --locked --release
    docs/record.py
    SHOTS=docs tests/run approval
