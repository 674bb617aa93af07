# What the machine must have, and how to get it. Sourced by ./dev.

step() { printf '\n== %s\n' "$*"; }

need_rust() {
  local have
  have=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9]*\.[0-9]*\).*/\1/p') || true
  if [ -z "$have" ] || [ "$(printf '%s\n1.95\n' "$have" | sort -V | head -n 1)" != 1.95 ]; then
    echo "Rust 1.95 or newer is needed (found: ${have:-none}). Install it with:" >&2
    echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --default-toolchain 1.95" >&2
    exit 1
  fi
}

# Installs Debian packages when it may, otherwise names them.
install_packages() {
  local missing=() package sudo=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo=(sudo); else
      echo "These system packages are missing: ${missing[*]}" >&2
      echo "Install them and run this again:  sudo apt-get install ${missing[*]}" >&2
      exit 1
    fi
  fi
  step "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_build_packages() {
  command -v apt-get >/dev/null || return 0
  local packages=(libssl-dev pkg-config)
  command -v cc >/dev/null || packages+=(gcc libc6-dev)
  install_packages "${packages[@]}"
  # SQLCipher links the system's libcrypto: building OpenSSL anew is the slowest step of all.
  export OPENSSL_NO_VENDOR=1
}

need_test_packages() {
  command -v apt-get >/dev/null || return 0
  local packages=(chromium fonts-dejavu-core)
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || packages+=(postgresql)
  command -v redis-server >/dev/null || command -v valkey-server >/dev/null || packages+=(redis-server)
  command -v c++ >/dev/null || packages+=(g++)
  command -v openssl >/dev/null || packages+=(openssl)
  command -v node >/dev/null || packages+=(nodejs npm)
  python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3 python3-venv)
  install_packages "${packages[@]}"
}

# The solver that proves the policies, in a folder of the project's own; made anew when its list changes.
need_solver() {
  local solver=.cache/solver list=crates/identity/tests/proofs/requirements.txt sum
  sum=$(sha256sum <$list)
  [ "$(cat $solver/made-from 2>/dev/null)" != "$sum" ] || return 0
  rm -rf $solver
  python3 -m venv $solver
  $solver/bin/pip install --quiet --disable-pip-version-check -r $list
  printf '%s' "$sum" >$solver/made-from
}

# The official clients, in a folder of the project's own; made anew when their lists change.
need_clients() {
  local python=.cache/clients/python node=.cache/clients/node sum
  sum=$(cat tests/sdk/python/requirements.txt | sha256sum)
  if [ "$(cat $python/made-from 2>/dev/null)" != "$sum" ]; then
    rm -rf $python
    python3 -m venv $python
    $python/bin/pip install --quiet --disable-pip-version-check -r tests/sdk/python/requirements.txt
    printf '%s' "$sum" >$python/made-from
  fi
  sum=$(cat tests/sdk/node/package.json | sha256sum)
  if [ "$(cat $node/made-from 2>/dev/null)" != "$sum" ]; then
    rm -rf $node
    mkdir -p $node
    cp tests/sdk/node/package.json $node/
    (cd $node && npm install --no-audit --no-fund --ignore-scripts --no-package-lock --loglevel=error)
    printf '%s' "$sum" >$node/made-from
  fi
}
