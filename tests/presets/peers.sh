#!/usr/bin/env bash
# Installs the receivers of other people that tests/presets speaks to: the npm package sipgateio, the receiver of
# Django-CRM, and Creme CRM from PyPI on SQLite, set up once (about two minutes). Nothing of theirs is part of Hookswitch.
set -euo pipefail
cd "$(dirname "$0")/../.."
peers=$PWD/target/test-peers
command -v node >/dev/null && command -v npm >/dev/null || {
  echo "node and npm are needed for tests/presets (Debian: apt install nodejs npm)" >&2
  exit 1
}
command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null || {
  echo "python3 with venv and pip is needed for tests/presets (Debian: apt install python3-venv)" >&2
  exit 1
}
# A folder of its own: npm removes what it was not told of.
[ -d "$peers/presets/node_modules/sipgateio" ] ||
  npm install --silent --no-save --no-package-lock --prefix "$peers/presets" sipgateio@2.15.1 || {
    echo "npm could not install sipgateio into $peers/presets: is there a network or a cache?" >&2
    exit 1
  }

# The receiver alone: the whole of it needs Python 3.12.
django_crm=$peers/django-crm
[ -e "$django_crm/ready" ] || {
  python3 -m venv "$django_crm" &&
    "$django_crm/bin/pip" install --quiet --disable-pip-version-check "Django>=5.2,<6" requests &&
    "$django_crm/bin/pip" install --quiet --disable-pip-version-check --no-deps django-crm-admin==3.1.0 || {
    echo "pip could not install django-crm-admin into $django_crm: is there a network or a cache?" >&2
    exit 1
  }
  touch "$django_crm/ready"
}

creme=$peers/creme
[ -e "$creme/ready" ] && exit
rm -rf "$creme/site"
mkdir -p "$creme/site"
[ -x "$creme/venv/bin/creme" ] || {
  python3 -m venv "$creme/venv"
  "$creme/venv/bin/pip" install --quiet --disable-pip-version-check creme-crm==2.8.6 || {
    echo "pip could not install creme-crm into $creme/venv: is there a network or a cache?" >&2
    exit 1
  }
}
cd "$creme/site"
log=$creme/setup.log
{
  ../venv/bin/creme creme_start_project ctilab
  cd ctilab
  cp "$peers/../../tests/presets/creme_settings.py" ctilab/local_settings.py
  printf '\nfrom .local_settings import *\nINSTALLED_APPS.append("creme.cti")\n' >>ctilab/settings.py
  export PYTHONPATH=$PWD PYTHONWARNINGS=ignore
  manage=../../venv/bin/creme
  $manage migrate --settings=ctilab.settings
  $manage creme_populate --settings=ctilab.settings
  $manage generatemedia --settings=ctilab.settings
  $manage shell --settings=ctilab.settings <../../../../../tests/presets/creme_people.py
} >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  echo "Creme CRM could not be set up: $log has everything" >&2
  exit 1
}
touch "$creme/ready"
