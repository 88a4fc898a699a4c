#!/bin/sh
# Installs the generator, and the one Go package that the client needs, from Debian's golang-gopkg-validator.v2-dev.
# Debian's copy is older than the release in go.mod; client/validate.go evens out the difference. With access to a
# module proxy, `go mod tidy` takes the place of the second half.
set -eu
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check openapi-generator-cli==7.26.0
mkdir -p vendor/gopkg.in
cp -R /usr/share/gocode/src/gopkg.in/validator.v2 vendor/gopkg.in/
printf '# gopkg.in/validator.v2 v2.0.1\n## explicit\ngopkg.in/validator.v2\n' >vendor/modules.txt
