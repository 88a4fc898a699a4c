#!/bin/sh
# Installs the generator, and puts the class path into lib/. Java, Hibernate Validator and the annotations are Debian's;
# Jackson is the one that the generator's own jar holds, because Debian has no jackson-datatype-jsr310. A team that uses
# Maven or Gradle needs none of this: generated/pom.xml and generated/build.gradle name everything.
set -eu
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check openapi-generator-cli==7.26.0
mkdir -p lib
cp .venv/lib/python3*/site-packages/openapi_generator_cli/openapi-generator.jar lib/
for jar in geronimo-annotation-1.3-spec hibernate-validator classmate jboss-logging; do
    cp "/usr/share/java/$jar.jar" lib/
done
