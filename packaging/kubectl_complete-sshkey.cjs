#!/usr/bin/env node
// kubectl runs what has this name for the completions of its plugin. Not a shell script: npm makes it run on Windows, too.
process.argv.splice(2, 0, "__complete");
require("./kubectl-sshkey.cjs");
