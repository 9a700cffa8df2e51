import type { FastifyInstance, FastifyRequest } from "fastify";

/** A key has at most 16 KiB, and a form a dozen at most. */
const MOST_BYTES = 256 * 1024;

/**
 * What is sent beyond that is read and thrown away, up to this: whoever stops reading resets the connection, and the
 * browser shows its own error in place of the answer.
 */
const MOST_DISCARDED_BYTES = 16 * 1024 * 1024;

/** Fields of a form: it has a dozen at most. */
const MOST_FIELDS = 50;

/**
 * Lets the routes of this scope take forms with a file in them (multipart/form-data, RFC 7578) beside those without: each
 * field becomes a text, and so does the file. A field that is there more than once is no text, as in other forms.
 */
export function acceptFileForms(scope: FastifyInstance): void {
  const types = ["application/x-www-form-urlencoded", "multipart/form-data"];
  scope.removeContentTypeParser(types);
  scope.addContentTypeParser(types, async ({ headers }: FastifyRequest, sent: AsyncIterable<Buffer>) => {
    const body = await read(sent);
    const type = headers["content-type"] ?? "";
    // What is no form has no fields. Reading 100,000 takes a second, and whoever sends them need not be signed in.
    const fields = hasManyFields(body, type) ? new FormData() : await formIn(body, type);
    const texts: Record<string, string | null> = Object.create(null);
    for (const [name, value] of fields) {
      if (name in texts) texts[name] = null;
      else texts[name] = typeof value === "string" ? value : textOfFile(await value.bytes());
    }
    return texts;
  });
}

async function formIn(body: Buffer<ArrayBuffer>, type: string): Promise<FormData> {
  const form = new Response(body, { headers: { "content-type": type } });
  return await form.formData().catch(() => new FormData());
}

function hasManyFields(body: Buffer, type: string): boolean {
  const between = /^multipart\//i.test(type) ? /content-disposition/gi : /&/g;
  let fields = 0;
  for (const _ of body.toString("latin1").matchAll(between)) {
    fields += 1;
    if (fields > MOST_FIELDS) return true;
  }
  return false;
}

async function read(sent: AsyncIterable<Buffer>): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of sent) {
    bytes += chunk.length;
    if (bytes > MOST_DISCARDED_BYTES) break;
    if (bytes > MOST_BYTES) chunks.length = 0;
    else chunks.push(chunk);
  }
  if (bytes > MOST_BYTES) throw Object.assign(new Error("the form is too large"), { statusCode: 413 });
  return Buffer.concat(chunks);
}

/** UTF-8, or the UTF-16 that PowerShell writes. */
function textOfFile(bytes: Uint8Array): string {
  const isUTF16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUTF16 ? "utf-16le" : "utf-8").decode(bytes);
}
