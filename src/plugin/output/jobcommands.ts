/** What GitHub, Azure Pipelines and their like obey anywhere in a line of a job's log, as in `##[add-mask]a`. */
export function withoutCommands(text: string): string {
  return text.replaceAll(/#(?=#[a-z]{0,20}\[)/gi, "# ");
}
