/**
 * The name of a user as one segment of a path: `~` and two hex digits stand for a byte, as `%` does elsewhere, so that no
 * browser takes `..` for the folder above, and no proxy undoes or refuses a slash.
 */
export function userSegment(user: string): string {
  const segment = encodeURIComponent(user.toWellFormed())
    .replaceAll("~", "%7E")
    .replaceAll("%40", "@")
    .replaceAll("%", "~");
  return /^\.{1,2}$/.test(segment) ? segment.replaceAll(".", "~2E") : segment;
}

/** The name of an SSHKey likewise; in the place of one that is called `new` stands the form. */
export function keySegment(name: string): string {
  return name === "new" ? "~6Eew" : userSegment(name);
}

/** What a segment of a path names, as the router has decoded it; undefined where it names nothing. */
export function textIn(segment: string): string | undefined {
  try {
    return decodeURIComponent(encodeURIComponent(segment).replaceAll("~", "%"));
  } catch {
    return undefined;
  }
}
