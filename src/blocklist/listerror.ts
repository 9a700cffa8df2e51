/** A file that is no list that can be read. The message goes on from "FILE: ". */
export class ListError extends Error {}
