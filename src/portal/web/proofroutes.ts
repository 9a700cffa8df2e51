import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "../../kube/apierror.ts";
import type { Person } from "../people/person.ts";
import { commandFor, givenProof, proofRequirement } from "../sshkeys/givenproof.ts";
import { writeOf } from "../sshkeys/keywriter.ts";
import { type Problem, privateKeyProblem } from "../sshkeys/newkey.ts";
import type { PortalKey } from "../sshkeys/portalkey.ts";
import type { Desk } from "./desk.ts";
import { Drafts } from "./drafts.ts";
import { field, formOwner, formPath, isSamePerson } from "./forms.ts";
import { titleOf } from "./keylist.ts";
import { isSignedOut, PageProblem } from "./problem.ts";
import { proofForm, requirementOf } from "./proofform.ts";
import { TEXTS } from "./texts.ts";

/** Who proves which key. */
export interface ProofPlace {
  readonly person: Person;
  readonly key: PortalKey;
  /** Path of the key. */
  readonly path: string;
}

export interface ProofFormRoutes {
  /** Route of the form. */
  readonly route: string;
  /** Who asks, and for which key; throws a PageProblem where that may not be. */
  readonly placeOf: (request: FastifyRequest) => Promise<ProofPlace>;
}

/** The operator writes statuses meanwhile: so often the newest version is judged and written. */
const MOST_WRITES = 5;

/** A form that gives a key a proof of possession: sent, judged, and brought back when the session ended meanwhile. */
export function addProofForm(server: FastifyInstance, desk: Desk, { route, placeOf }: ProofFormRoutes): void {
  const { store, writer, policy, sealer } = desk.o;
  const drafts = new Drafts<string>(desk.o, TEXTS.proof.signIn);

  server.get(route, async (request, reply) => await show(reply, await placeOf(request), ""));

  server.post(route, async (request, reply) => {
    // First of all, since nobody is held to a limit there.
    const place = await placeOf(request).catch((error: unknown) => {
      if (isSignedOut(error)) return error;
      throw error;
    });
    const text = field(request.body, "proof").trim();
    const owner = await formOwner(sealer, request, desk.o.originOf(request));
    const secret = privateKeyProblem(text, policy);
    if (place instanceof PageProblem) {
      if (owner === undefined || secret !== undefined) throw place;
      return await drafts.keep(reply, formPath(request), owner, text);
    }
    if (owner === undefined || !isSamePerson(owner, place.person)) throw new PageProblem("stale");
    if (secret !== undefined) return await show(reply, place, "", { ...secret, field: "proof" });
    if (!owner.isFresh) return await show(reply.code(403), place, text, undefined, TEXTS.proof.tooOld);
    const given = await give(text, place.key);
    if ("code" in given) return await show(reply, place, text, given);
    return await desk.done(reply, given, TEXTS.notices.proofGiven(titleOf(given)), place.path);
  });

  drafts.bringBack(server, {
    route,
    placeOf,
    show: (reply, _path, place, text) => show(reply, place, text, undefined, TEXTS.proof.back),
  });

  /** Writes it into the SSHKey as it was judged; again where only its status has changed meanwhile. */
  async function give(text: string, seen: PortalKey): Promise<PortalKey | Problem> {
    let key = seen;
    for (let writes = 1; ; writes += 1) {
      const given = await givenProof(text, key, policy);
      if (given === undefined) throw new PageProblem("notFound");
      if ("problem" in given) return given.problem;
      try {
        return await writer.setProof(key, given.proof);
      } catch (error) {
        const isConflict = error instanceof ApiError && error.code === "Conflict";
        if (!isConflict || writes === MOST_WRITES) throw error;
      }
      await writer.refresh([writeOf(key)]);
      const now = store.get(key.namespace, key.name);
      if (now?.uid !== key.uid) throw new PageProblem("notFound");
      key = now;
    }
  }

  async function show(
    reply: FastifyReply,
    { person, key, path }: ProofPlace,
    value: string,
    problem?: Problem,
    notice?: string,
  ): Promise<FastifyReply> {
    if (key.facts === undefined) throw new PageProblem("notFound");
    const content = proofForm({
      action: `${path}/proof`,
      cancel: path,
      csrf: await desk.formToken(person),
      command: commandFor(key, policy),
      value,
      problems: problem === undefined ? [] : [problem],
      requirement: requirementOf(key, proofRequirement(policy)),
    });
    if (problem !== undefined) reply.code(422);
    return await desk.show(reply, person, { title: TEXTS.proof.title(titleOf(key)), notice, content });
  }
}
