#!/usr/bin/env bash
# Installs what is missing to build Guichet (`tests/setup.sh build`) or to test it (`tests/setup.sh test`): Debian and
# Ubuntu packages when it may, else it says which. Says what it does, and nothing where nothing is to be done.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CARGO_DENY=0.20.2
export PATH="$HOME/.cargo/bin:$PATH"

step() { printf '== %s\n' "$*"; }
fail() {
	printf 'tests/setup.sh: %s\n' "$*" >&2
	exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
any() { compgen -G "$1" >/dev/null; }

wanted=()
want() { wanted+=("$@"); }

install_wanted() {
	((${#wanted[@]})) || return 0
	local line=(apt-get install --yes --no-install-recommends "${wanted[@]}") as=()
	has apt-get || fail "please install, by their Debian names: ${wanted[*]}"
	if ((EUID != 0)); then
		as=(sudo)
		{ has sudo && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; } ||
			fail "not root and no sudo; please run as root: apt-get update && ${line[*]}"
	fi
	step "installing ${wanted[*]}"
	"${as[@]}" apt-get update -qq || fail "apt-get update failed (see above)"
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive "${line[@]}" -qq >/dev/null || fail "this failed: ${line[*]}"
	wanted=()
}

build_packages() {
	has cc && [[ -e /usr/include/stdlib.h ]] || want build-essential
	has pkg-config || want pkg-config
	has xmlsec1-config || want libxmlsec1-dev
	# bindgen needs the library and the headers of its own version; either alone fails late and obscurely.
	{ any '/usr/lib/llvm-*/lib/libclang*.so*' && any '/usr/lib/llvm-*/lib/clang/*/include/stddef.h'; } ||
		want libclang-dev
	[[ -e /etc/ssl/certs/ca-certificates.crt ]] || want ca-certificates
	has curl || want curl
}

test_packages() {
	any '/usr/lib/postgresql/*/bin/initdb' || has initdb || want postgresql
	has xmlsec1 || want xmlsec1
	any '/usr/lib/softhsm/libsofthsm2.so' || any '/usr/lib/*/softhsm/libsofthsm2.so' || want softhsm2
	has chromium || want chromium
	# Not `apache2`, whose package starts a server: the tests start their own.
	[[ -e /usr/sbin/apache2 ]] || want apache2-bin
	[[ -e /usr/lib/apache2/modules/mod_shib.so && -e /usr/sbin/shibd ]] || want libapache2-mod-shib
	[[ -e /usr/lib/apache2/modules/mod_auth_mellon.so ]] || want libapache2-mod-auth-mellon
	[[ -e /usr/lib/apache2/modules/mod_auth_openidc.so ]] || want libapache2-mod-auth-openidc
	has node || want nodejs
	has npm || want npm
	python3 -c 'import ensurepip, venv' 2>/dev/null || want python3-venv
}

rust() {
	if ! has cargo && ! has rustup && apt-cache policy rustup 2>/dev/null | grep -q 'Candidate: [0-9]'; then
		want rustup
		install_wanted
	fi
	if has rustup; then
		# In this folder rustup reads rust-toolchain.toml; some versions install what is missing by themselves.
		cargo --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1 &&
			return
		step "installing the Rust toolchain of rust-toolchain.toml"
		rustup toolchain install >/dev/null
	elif has cargo; then
		local need have
		need=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
		have=$(cargo --version | cut -d' ' -f2)
		[[ $(printf '%s\n' "$need" "$have" | sort -V | head -n1) == "$need" ]] ||
			fail "Rust $have is too old, $need is needed; rustup (https://rustup.rs) brings it by itself"
	else
		step "installing rustup, by its own installer (https://rustup.rs), into ~/.cargo"
		curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
			sh -s -- -y --quiet --no-modify-path --profile minimal --default-toolchain none ||
			fail "rustup could not be installed; see https://rustup.rs, then run this again (no new shell is needed)"
		step "installing the Rust toolchain of rust-toolchain.toml"
		rustup toolchain install >/dev/null
	fi
}

parties() {
	local node lock=tests/parties/package-lock.json of=tests/parties/node_modules/.from-lock
	node=$(node -p 'process.versions.node.split(".")[0]')
	((node >= 18)) || fail "Node.js $node is too old: 18 or newer is needed"
	if ! cmp -s "$lock" "$of"; then
		step "installing the Node.js parties"
		npm ci --prefix tests/parties --no-audit --no-fund --loglevel=error >/dev/null
		cp "$lock" "$of"
	fi
	lock=tests/parties/requirements.txt of=tests/parties/.venv/from-requirements
	if ! cmp -s "$lock" "$of"; then
		step "installing the Python party"
		rm -rf tests/parties/.venv
		python3 -m venv tests/parties/.venv
		# Wheels only: one built here would take this system's libxml2 and clash with the others'.
		tests/parties/.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r "$lock"
		cp "$lock" "$of"
	fi
}

cargo_deny() {
	[[ $(cargo-deny --version 2>/dev/null) == "cargo-deny $CARGO_DENY" ]] && return
	step "installing cargo-deny $CARGO_DENY"
	CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug cargo-deny --version "$CARGO_DENY"
}

case ${1-} in
build)
	build_packages
	install_wanted
	rust
	;;
test)
	build_packages
	test_packages
	install_wanted
	rust
	parties
	cargo_deny
	;;
*) fail "say 'build' or 'test'" ;;
esac
