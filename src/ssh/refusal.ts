/**
 * Why a text is not accepted: a stable word for machines and one sentence for people, which says what is
 * wrong and what to do. The sentence never quotes key material.
 */
export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
}

/** Result of every parser in this folder: the value, or a refusal. */
export type Result<T, R = Refusal> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: R };

/** Words a program may rely on. Each is usable as the reason of a Kubernetes condition. */
export type RefusalCode =
  // The text around a key.
  | "Empty"
  | "TooLong"
  | "NulCharacter"
  | "SeveralKeys"
  | "SeveralLines"
  | "OptionsInKey"
  | "MissingType"
  | "BadCharacter"
  | "QuotedKey"
  | "EncodedKey"
  | "UnknownType"
  | "TypeMismatch"
  // Something other than a plain public key in the one-line form.
  | "PrivateKey"
  | "Certificate"
  | "ForeignFormat"
  // The encoded key.
  | "BadBase64"
  | "Truncated"
  | "TrailingBytes"
  | "BadString"
  | "NegativeInteger"
  | "IntegerTooLong"
  | "RSABelowOpenSSHMinimum"
  | "CurveMismatch"
  | "PointNotUncompressed"
  | "PointNotOnCurve"
  | "PointOutOfRange"
  | "BadKeyLength"
  // authorized_keys options.
  | "BadOption"
  | "UnknownOption"
  | "BadOptionValue"
  | "SeveralOptions"
  | "DuplicateOption"
  | "ForbiddenOption";

/** The result for a text that is accepted. */
export function accept<T, R = Refusal>(value: T): Result<T, R> {
  return { ok: true, value };
}

/** The result for a text that is not. The message says what is wrong, then what to do. */
export function refuse<T>(code: RefusalCode, message: string): Result<T> {
  return { ok: false, refusal: { code, message } };
}
