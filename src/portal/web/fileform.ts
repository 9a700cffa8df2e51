import type { FastifyInstance, FastifyRequest } from "fastify";

/**
 * Lets the routes of this scope take forms with a file in them (multipart/form-data, RFC 7578): each field becomes a text,
 * and so does the file. A field that is there more than once is its last.
 */
export function acceptFileForms(scope: FastifyInstance): void {
  scope.addContentTypeParser(
    "multipart/form-data",
    { parseAs: "buffer" },
    async (request: FastifyRequest, body: Buffer<ArrayBuffer>) => {
      const { "content-type": type = "" } = request.headers;
      let fields: FormData;
      try {
        fields = await new Response(body, {
          headers: { "content-type": type },
        }).formData();
      } catch {
        throw Object.assign(new Error("this is no form"), { statusCode: 400 });
      }
      const texts: Record<string, string> = Object.create(null);
      for (const [name, value] of fields) {
        texts[name] = typeof value === "string" ? value : textOfFile(await value.bytes());
      }
      return texts;
    },
  );
}

/** UTF-8, or the UTF-16 that PowerShell writes. */
function textOfFile(bytes: Uint8Array): string {
  const isUTF16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return new TextDecoder(isUTF16 ? "utf-16le" : "utf-8").decode(bytes);
}
