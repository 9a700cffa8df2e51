import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./kubernetes.ts";

/** The first block of this language in a page of the documentation that has these words. */
export function documented(page: string, language: "sh" | "yaml", words: string): string {
  const text = readFileSync(join(REPOSITORY, page), "utf8");
  const blocks = [...text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, "gm"))];
  const block = blocks.map(([, content = ""]) => content).find((content) => content.includes(words));
  if (block === undefined) throw new Error(`${page} has no block (${language}) with: ${words}`);
  return block;
}
