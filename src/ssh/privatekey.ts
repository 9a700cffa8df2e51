/**
 * What kind of private key a text holds, anywhere in it, and how to get at the public half, in one sentence;
 * undefined where it shows no sign of one. Never quotes the text.
 */
export function describePrivateKey(text: string): string | undefined {
  if (text.includes("PuTTY-User-Key-File-")) return sentence("PuTTY", "puttygen FILE -O public-openssh");
  if (text.includes(OPENSSH_MAGIC)) return sentence("OpenSSH", "ssh-keygen -y -f FILE");
  const begin = text.indexOf("---BEGIN ");
  const spacedBegin = text.indexOf("--- BEGIN ");
  if (spacedBegin !== -1 && text.includes("PRIVATE KEY", spacedBegin)) {
    return sentence("ssh.com", "ssh-keygen -i -f FILE > NEW && ssh-keygen -y -f NEW");
  }
  if (begin !== -1 && text.includes("PRIVATE KEY", begin)) return sentence("PEM", "ssh-keygen -y -f FILE");
  return undefined;
}

/** Whether bytes are the DER of a private key: PKCS#1, PKCS#8 or SEC 1, a sequence that begins with a version. */
export function isPrivateDER(bytes: Uint8Array): boolean {
  if (bytes[0] !== SEQUENCE) return false;
  const lengthByte = bytes[1] ?? 0;
  const start = lengthByte < 0x80 ? 2 : 2 + (lengthByte & 0x7f);
  return bytes[start] === INTEGER && bytes[start + 1] === 1 && (bytes[start + 2] ?? 2) <= 1;
}

export function describePrivateDER(): string {
  return sentence("PEM", "ssh-keygen -y -f FILE");
}

function sentence(kind: string, command: string): string {
  return `This is a private key (${kind}) and must never be shared, so count it as exposed and make a new one; only the public half belongs here, which this prints: ${command}`;
}

// The base64 of "openssh-key-v1", without its last bits (OpenSSH's PROTOCOL.key).
const OPENSSH_MAGIC = "b3BlbnNzaC1rZXktdj";
const SEQUENCE = 0x30;
const INTEGER = 0x02;
