# To be sourced by .ci/run: runs the steps, and counts what passed and what failed.
# shellcheck shell=bash

passed=0 failed=0
# What is told once more at the end, where nobody must search for it.
told=""

# step TITLE COMMAND...: runs the command; its tests count one by one, anything else counts as one. Some tests run real
# processes in real time, which a machine that stands still makes fail. So tests that fail get a second attempt without
# the others beside them, if there are at most five: what the project does wrong stays wrong, and both are told at the
# end. The command must end in a `deno test` or `deno task`, which takes a filter.
step() {
  local title=$1 output code counts again ok bad
  shift
  echo "=== $title"
  output=$("$@" 2>&1) && code=0 || code=$?
  printf '%s\n' "$output" | tail -n 60
  counts=$(counts_of "$output")
  ok=${counts% *} bad=${counts#* }
  if [[ -z $counts ]]; then
    [[ $code -eq 0 ]] && ok=1 bad=0 || ok=0 bad=1
  elif [[ $code -ne 0 && $bad -eq 0 ]]; then
    bad=1
  fi
  if [[ $bad -gt 0 ]]; then
    told+=$'\n'"=== failed in \"$title\""$'\n'"$(reasons_of "$output")"$'\n'
    again=$(filter_of "$output" "$bad")
    if [[ -n $again ]]; then
      echo "=== $title: a second attempt of $bad"
      output=$("$@" --filter "$again" 2>&1) && code=0 || code=$?
      printf '%s\n' "$output" | tail -n 60
      counts=$(counts_of "$output")
      if [[ $code -eq 0 && ${counts% *} -eq $bad ]]; then
        told+="=== passed at the second attempt: $bad in \"$title\""$'\n'
        ok=$((ok + bad)) bad=0
      else
        told+="=== failed at the second attempt, too"$'\n'"$(reasons_of "$output")"$'\n'
      fi
    fi
  fi
  passed=$((passed + ok)) failed=$((failed + bad))
}

# How many tests passed and failed, by the last line of `deno test`; nothing if there is none.
counts_of() {
  sed -nE 's/^(ok|FAILED) \| ([0-9]+) passed.* \| ([0-9]+) failed.*/\2 \3/p' <<<"$1" | tail -n 1
}

# Why tests failed, by what `deno test` says at its end; else the end of the output.
reasons_of() {
  local reasons
  reasons=$(sed -n '/^ ERRORS $/,$p' <<<"$1")
  if [[ -n $reasons ]]; then head -c 3000 <<<"$reasons"; else tail -n 20 <<<"$1" | tail -c 3000; fi
}

# A filter for the tests that failed, of which there are $2; nothing if they cannot be named or are too many.
filter_of() {
  local names
  names=$(sed -n '/^ FAILURES $/,$p' <<<"$1" | sed -nE 's/^(.*) => \.\/.*:[0-9]+:[0-9]+$/\1/p' |
    sed -E 's/ \.\.\. .*//' | sort -u)
  [[ -n $names && $2 -le 5 && $(wc -l <<<"$names") -eq $2 ]] || return 0
  # No escaping, which "deno task" of some versions undoes: any sign stands for any.
  sed -E 's/[^[:alnum:] ]+/.+/g' <<<"$names" | paste -sd '|' | sed 's/.*/\/^(&)$\//'
}

# Ends the run: tells once more what failed, then the sum; fails if anything failed to the end.
total() {
  printf '%s\n' "$told"
  echo "$passed passed, $failed failed"
  [[ $failed -eq 0 ]]
}
