#!/usr/bin/env bash
# The quickstart: from an example to an answered question, with the commands that a person would type.
#   bench/quickstart.sh HELDER FOLDER
# HELDER_QUICKSTART_STEPS=N trains N steps and asks few test cases, to see that everything works rather than how well.
set -euo pipefail
helder=$(realpath "$1")
folder=$2

say() { printf '\n$ helder %s\n' "$*"; "$helder" "$@"; }

say model import smollm2-135m-instruct --allow-network
if [ ! -f "$folder/recipe.toml" ]; then
    say new "$folder" --example dose-instructions
    if [ -n "${HELDER_QUICKSTART_STEPS:-}" ]; then
        sed -i -e "s/^budget = .*/steps = $HELDER_QUICKSTART_STEPS/" \
            -e "s/^limit = .*/limit = 8/" -e "s/^base_limit = .*/base_limit = 2/" "$folder/recipe.toml"
    fi
fi
say plan "$folder"
say run "$folder"
say ask "2 puffs bd prn for 1 week then 1 puff nocte" --project "$folder"
[ -d "$folder/bundle" ] || say certify "$folder"
say verify "$folder/bundle" --replay 2
