import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { newKeyCommand, type Policy } from "../../claims/policy.ts";
import { fingerprintSHA256 } from "../../ssh/fingerprint.ts";
import { splitOptions } from "../../ssh/keyline.ts";
import { parsePublicKey } from "../../ssh/publickey.ts";
import { adviceOf, adviceText } from "../../ssh/weakness/advice.ts";
import type { Person } from "../people/person.ts";
import { endOfDay, latestDay } from "../sshkeys/expiry.ts";
import { commandFor, proofRequirement, withProof } from "../sshkeys/givenproof.ts";
import { AlreadyThere, writeOf } from "../sshkeys/keywriter.ts";
import { duplicate, type NewKey, newKey, type Problem, privateKeyProblem } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { Desk } from "./desk.ts";
import { Drafts } from "./drafts.ts";
import { acceptFileForms } from "./fileform.ts";
import { field, formOwner, formPath, isSamePerson } from "./forms.ts";
import { EMPTY_FORM, type FormValues, keyForm } from "./keyform.ts";
import { titleOf } from "./keylist.ts";
import { isSignedOut, PageProblem } from "./problem.ts";
import { TEXTS } from "./texts.ts";

/** Who adds a key for whom. */
export interface FormPlace {
  readonly person: Person;
  /** Whose key it becomes, and where. */
  readonly user: string;
  readonly namespace: string;
  readonly title: string;
  /** Path of the list that shows the key then. */
  readonly list: string;
  readonly pathOf: (key: PortalKey) => string;
}

export interface KeyFormRoutes {
  /** Route of the form. */
  readonly route: string;
  /** Who asks, and for whom; throws a PageProblem where that may not be. */
  readonly placeOf: (request: FastifyRequest) => Promise<FormPlace>;
}

/** A form for a new key: it is shown, looked at while it is filled, sent, and brought back when the session ended meanwhile. */
export function addKeyForm(server: FastifyInstance, desk: Desk, { route, placeOf }: KeyFormRoutes): void {
  const { store, writer, policy, access, recent, keyKnowledge, sealer } = desk.o;
  const drafts = new Drafts<FormValues>(desk.o, TEXTS.draft.title);

  void server.register(async (scope) => {
    acceptFileForms(scope);

    scope.get(route, async (request, reply) =>
      showForm(reply, formPath(request), await placeOf(request), EMPTY_FORM),
    );

    scope.post(route, async (request, reply) => {
      // First of all, since nobody is held to a limit there.
      const place = await placeOf(request).catch((error: unknown) => {
        if (isSignedOut(error)) return error;
        throw error;
      });
      const path = formPath(request);
      const values = valuesOf(request.body);
      const owner = await formOwner(sealer, request, desk.o.originOf(request));
      const secret = privateKeyProblem(Object.values(values).join("\n"), policy);
      if (place instanceof PageProblem) {
        if (owner === undefined || secret !== undefined) throw place;
        return await drafts.keep(reply, path, owner, values);
      }
      if (owner === undefined || !isSamePerson(owner, place.person)) throw new PageProblem("stale");
      if (secret !== undefined) return await showForm(reply, path, place, EMPTY_FORM, [secret]);
      if (!owner.isFresh) return await showForm(reply.code(403), path, place, values, [], TEXTS.form.tooOld);
      if (field(request.body, "skip") !== "" && values.others !== "")
        return await showNext(reply, path, place, values, TEXTS.form.skipped);
      const made = await judged(values, place);
      if (!("spec" in made)) return await showForm(reply, path, place, offered(values, made), made.problems);
      const key = await writer.create(made.spec, place).catch((error: unknown) => {
        if (error instanceof AlreadyThere) return duplicate(error.key);
        throw error;
      });
      if ("code" in key) return await showForm(reply, path, place, values, [key]);
      const notice = TEXTS.notices.added(titleOf(key));
      if (values.others === "") return await desk.done(reply, key, notice, place.list);
      await recent.remember(reply, { writes: [writeOf(key)], notice: undefined });
      return await showNext(reply, path, place, values, notice);
    });

    // What the browser asks while the form is filled: it judges, and stores nothing.
    scope.post(`${route}/check`, async (request, reply) => {
      const place = await placeOf(request);
      const owner = await formOwner(sealer, request, desk.o.originOf(request));
      if (owner?.isFresh !== true || !isSamePerson(owner, place.person)) throw new PageProblem("stale");
      const made = await judged(valuesOf(request.body), place);
      return await reply.send({ ...verdict(made, policy), proofCommand: commandOf(made, place) });
    });

    drafts.bringBack(scope, {
      route,
      placeOf,
      show: (reply, path, place, values) => showForm(reply, path, place, values, [], TEXTS.draft.back),
    });
  });

  /** What proves the key that stands in the form. */
  function commandOf(made: NewKey, { user }: FormPlace): string {
    return commandFor({ user, line: "spec" in made ? made.spec.key : made.offer.key }, policy);
  }

  async function judged(values: FormValues, { person, user, namespace }: FormPlace): Promise<NewKey> {
    const made = newKey(typedIn(values), user, policy, Date.now(), {
      own: store.ofUser(namespace, user),
      knowledge: keyKnowledge.current(),
      mayGiveOptions: await access.may(person, "assign", namespace),
    });
    return await withProof(made, values.proof, user, policy);
  }

  /** The form again, with the next of several keys. */
  async function showNext(
    reply: FastifyReply,
    path: string,
    place: FormPlace,
    { expires, expiresAt, others }: FormValues,
    notice: string,
  ): Promise<FastifyReply> {
    const values = { ...EMPTY_FORM, expires, expiresAt, key: others };
    const made = await judged(values, place);
    if ("spec" in made)
      return await showForm(reply, path, place, { ...values, key: made.spec.key }, [], notice);
    const problems = made.problems.filter(({ code }) => code !== "SeveralKeys");
    return await showForm(reply.code(200), path, place, offered(values, made), problems, notice);
  }

  async function showForm(
    reply: FastifyReply,
    path: string,
    place: FormPlace,
    values: FormValues,
    problems: readonly Problem[] = [],
    notice?: string,
  ): Promise<FastifyReply> {
    const { person, user, namespace, list, title } = place;
    const content = keyForm({
      action: path,
      cancel: list,
      values,
      problems,
      csrf: await desk.formToken(person),
      mayGiveOptions: await access.may(person, "assign", namespace),
      latestDay: latestDay(policy, Date.now()),
      proofCommand: commandFor({ user, line: values.key }, policy),
      proofRequirement: proofRequirement(policy),
      pathOf: place.pathOf,
    });
    if (problems.length > 0 && notice === undefined) reply.code(422);
    return await desk.show(reply, person, { title, notice, content });
  }
}

/** What the fields of a form hold; the file stands for the key where nothing else does, and beside it otherwise. */
function valuesOf(body: unknown): FormValues {
  const [key, file] = [field(body, "key"), field(body, "file")];
  const isTwice = file.trim() === "" || key.trim() === file.trim();
  return {
    key: isTwice ? key : [key, file].filter((text) => text.trim() !== "").join("\n"),
    title: field(body, "title"),
    expires: field(body, "expires").trim(),
    expiresAt: field(body, "expiresAt"),
    options: field(body, "options").trim(),
    proof: field(body, "proof").trim(),
    others: field(body, "others").trim(),
  };
}

function typedIn({ key, title, expires, expiresAt, options }: FormValues) {
  const lines = options.split(/[\r\n]+/).map((line) => line.trim());
  return {
    key,
    title,
    expiresAt: endOfDay(expires, expiresAt),
    options: lines.filter((line) => line !== "").flatMap(splitOptions),
  };
}

/** What the form holds next: what was most likely meant, and nothing of a private key. */
function offered(values: FormValues, made: Exclude<NewKey, { readonly spec: unknown }>): FormValues {
  if (made.isPrivate) return EMPTY_FORM;
  return {
    ...values,
    key: made.offer.key,
    options: made.offer.options.join("\n"),
    others: [...made.others, values.others].filter((text) => text !== "").join("\n"),
  };
}

/** What to say of the key to who is filling the form, with advice where it can be added; of other fields nothing. */
function verdict(made: NewKey, policy: Policy): { readonly isGood: boolean; readonly text: string } {
  const problems = made.problems.filter(({ field }) => field === "key" || field === "options");
  const texts = problems.map(({ code, message, holder }) => {
    const { [code]: meanwhile } = TEXTS.form.meanwhile as Readonly<Record<string, string>>;
    return meanwhile ?? [message, holder && titleOf(holder)].join(" ").trim();
  });
  const parsed = parsePublicKey("spec" in made ? made.spec.key : made.offer.key);
  if (texts.length > 0 || !parsed.ok) return { isGood: false, text: texts.join(" ") };
  const { type, bits, blob } = parsed.value;
  const good = TEXTS.form.good(type, bits, fingerprintSHA256(blob));
  const advice = adviceOf(parsed.value);
  const told = advice.length === 0 ? "" : `. ${adviceText(advice, newKeyCommand(policy))}`;
  return { isGood: true, text: good + told };
}
