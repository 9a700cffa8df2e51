/**
 * The options of the first word of an authorized_keys line, one an item and as they are written. A comma in quotes is no
 * end, and \" is no quote (opt_dequote and sshauthopt_parse of OpenSSH).
 */
export function splitOptions(word: string): readonly string[] {
  const options: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < word.length; at += 1) {
    const character = word[at];
    if (character === "\\" && word[at + 1] === '"') at += 1;
    else if (character === '"') isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) {
      options.push(word.slice(start, at));
      start = at + 1;
    }
  }
  options.push(word.slice(start));
  return options;
}
