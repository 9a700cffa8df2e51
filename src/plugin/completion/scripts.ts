import { COMPLETE } from "./complete.ts";

// Each calls the plugin by its name and by no path that somebody has typed, evaluates nothing of the line and nothing of the
// answer. Of the answer's last line it knows :0, where files may stand.

const BASH = script`# bash completion of kubectl-sshkey

_kubectl_sshkey() {
  # COMP_WORDS has quotes, and is torn at each : and =. The words are taken from the line.
  local line=\${COMP_LINE:0:COMP_POINT} word= has= quote= char i words=()
  for ((i = 0; i < \${#line}; i++)); do
    char=\${line:i:1}
    if [[ $quote == "'" ]]; then
      if [[ $char == "'" ]]; then quote=; else word+=$char; fi
    elif [[ $char == \\ ]]; then
      i=$((i + 1)) has=1
      word+=\${line:i:1}
    elif [[ $quote == '"' ]]; then
      if [[ $char == '"' ]]; then quote=; else word+=$char; fi
    elif [[ $char == "'" || $char == '"' ]]; then
      quote=$char has=1
    elif [[ $char == [[:space:]] ]]; then
      if [[ -n $word$has ]]; then words+=("$word"); fi
      word= has=
    else
      word+=$char
    fi
  done
  COMPREPLY=()
  local answer candidate before= typed= tab=$'\t'
  answer=$(kubectl-sshkey ${COMPLETE} "\${words[@]:1}" "$word" 2>/dev/null </dev/null) || return
  # The candidates for --flag=value are values.
  if [[ $word == --*=* ]]; then before=\${word%%=*}=; fi
  # readline replaces $2 only, what stands behind the last : or =.
  if [[ $word == *"$2" ]]; then typed=\${word:0:\${#word}-\${#2}}; fi
  while IFS= read -r candidate; do
    candidate=$before\${candidate%%"$tab"*}
    if [[ $candidate != "$before" && $candidate == "$word"* ]]; then
      COMPREPLY+=("\${candidate:\${#typed}}")
    fi
  done <<<"\${answer%:*}"
  if [[ \${answer##*:} != 0 ]]; then compopt +o default 2>/dev/null; fi
  return 0
}

complete -o default -F _kubectl_sshkey kubectl-sshkey
`;

const ZSH = script`#compdef kubectl-sshkey
# zsh completion of kubectl-sshkey

_kubectl-sshkey() {
  local -a given lines candidates
  local line value tab=$'\t'
  if ((CURRENT > 2)); then given=("\${(@Q)words[2,CURRENT-1]}"); fi
  lines=("\${(@f)$(kubectl-sshkey ${COMPLETE} "\${given[@]}" "\${(Q)PREFIX}" 2>/dev/null </dev/null)}")
  for line in "\${(@)lines[1,-2]}"; do
    value=\${line%%$tab*}
    # What stands behind the first : without a backslash is shown beside the candidate.
    candidates+=("\${value//:/\\:}\${\${line#$value}/$tab/:}")
  done
  # The candidates for --flag=value are values.
  compset -P '--*='
  if ((\${#candidates})); then
    _describe -t values value candidates
  elif [[ $lines[-1] == :0 ]]; then
    _files
  else
    return 1
  fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _kubectl-sshkey "$@"
else
  compdef _kubectl-sshkey kubectl-sshkey
fi
`;

const FISH = script`# fish completion of kubectl-sshkey

function __kubectl_sshkey_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l word (commandline -ct)
    # The candidates for --flag=value are values.
    set -l before (string match -r -- '^--[^=]*=' "$word")
    set -l lines (kubectl-sshkey ${COMPLETE} $words "$word" 2>/dev/null </dev/null)
    if test "$lines[-1]" = :0
        set lines (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$word"))
    else
        set -e lines[-1]
    end
    for line in $lines
        printf '%s\n' "$before$line"
    end
end

complete -c kubectl-sshkey -f -a '(__kubectl_sshkey_complete)'
`;

const POWERSHELL = script`# PowerShell completion of kubectl-sshkey

Register-ArgumentCompleter -Native -CommandName 'kubectl-sshkey' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $word = "$wordToComplete"
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object {
            $_.Extent.EndOffset -lt $cursorPosition -or ($_.Extent.EndOffset -eq $cursorPosition -and $word -eq '')
        } | ForEach-Object { if ($_.Value -is [string]) { $_.Value } else { $_.Extent.Text } })
    # The candidates for --flag=value are values.
    $before = if ($word -match '^--[^=]*=') { $Matches[0] } else { '' }
    # Before 7.3 an empty argument is lost unless its quotes are given.
    if ($word -eq '' -and $PSVersionTable.PSVersion -lt [version]'7.3') { $word = '""' }
    $lines = @(& kubectl-sshkey ${COMPLETE} @words $word 2>$null)
    if ($lines.Count -lt 2) { return }
    $lines[0..($lines.Count - 2)] | ForEach-Object {
        $value, $meaning = $_ -split "\`t", 2
        if (-not $meaning) { $meaning = $value }
        [System.Management.Automation.CompletionResult]::new("$before$value", $value, 'ParameterValue', $meaning)
    }
}
`;

// kubectl runs it with the words behind `kubectl sshkey`.
const KUBECTL = script`#!/bin/sh
exec kubectl-sshkey ${COMPLETE} "$@"
`;

/** What `completion` prints, by the word that asks for it. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: BASH,
  zsh: ZSH,
  fish: FISH,
  powershell: POWERSHELL,
  kubectl: KUBECTL,
};

/** The text as it stands here, without the backslash before the shell's own ${ and `. */
function script({ raw }: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: raw.map((text) => text.replaceAll(/\\(?=\$\{|`)/g, "")) }, ...values);
}
