/** One box of the checklist. */
export interface Box {
  readonly name: string
  /** The requirement, in one sentence. */
  readonly sentence: string
}

/** The boxes of this release. Each has a test of its own, whose title begins with its name. */
export const BOXES: readonly Box[] = [
  {
    name: 'A1',
    sentence: 'A secret has 256 bits of a cryptographic source, by rejection sampling.',
  },
  {
    name: 'A2',
    sentence:
      'A secret is prefix, id, secret and a checksum over all of it, so that a scanner can tell it.',
  },
  {
    name: 'A3',
    sentence: 'Form and checksum are checked before the store is asked, and grant nothing.',
  },
  {
    name: 'A4',
    sentence:
      'Only a SHA-256 or a peppered HMAC is stored, and secrets that could be guessed from it are not imported.',
  },
  {
    name: 'A5',
    sentence:
      'A key is found by its public id, and both of its digests are compared in constant time, as is something where there is none.',
  },
  { name: 'A6', sentence: 'Ids that differ in case only are two ids in every store.' },
  { name: 'A7', sentence: 'A secret is shown once, and afterwards by its last four characters.' },
  { name: 'A8', sentence: 'No two records share an id or a digest.' },
  { name: 'A9', sentence: 'A variable that was not filled in stops the start.' },
  {
    name: 'A10',
    sentence: 'Names, scopes and metadata are bounded, well-formed and without control characters.',
  },
  { name: 'A11', sentence: 'An expiry is a time or null for never; anything else is an error.' },
  { name: 'B1', sentence: 'A request has one credential: two are refused, on every host alike.' },
  {
    name: 'B2',
    sentence: 'The scheme is told in any case, and one token68 follows; no other scheme is read.',
  },
  {
    name: 'B3',
    sentence:
      'Each refusal has the status and the challenge of RFC 6750, and repeats nothing that was sent.',
  },
  {
    name: 'B4',
    sentence: 'The query holds no credential unless a profile says so, and a token never.',
  },
  { name: 'B5', sentence: 'Cookies, Proxy-Authorization and bodies are no credentials.' },
  { name: 'B6', sentence: 'Lengths are checked before anything that costs more.' },
  { name: 'B7', sentence: 'No header makes or changes a principal.' },
  { name: 'B8', sentence: 'A guard belongs to its route and never compares paths.' },
  {
    name: 'C1',
    sentence: 'A token is an at+jwt with all claims of RFC 9068, for an hour at most.',
  },
  {
    name: 'C2',
    sentence:
      'Length, alphabet, header, key and signature are checked before the claims, and one spelling is let in.',
  },
  {
    name: 'C3',
    sentence:
      'A key that a token brings or points to is never used, and nothing is fetched for it.',
  },
  { name: 'C4', sentence: 'The type is at+jwt, and a key has one algorithm.' },
  {
    name: 'C5',
    sentence:
      'Each claim is checked for its type and bounds; what is missing or odd never means any.',
  },
  { name: 'C6', sentence: 'The issuer is one string, compared exactly.' },
  { name: 'C7', sentence: 'A token with crit is refused.' },
  {
    name: 'C8',
    sentence: 'The skew has a limit and lengthens no life, and no option is a pattern.',
  },
  { name: 'C9', sentence: 'A token never mints a token.' },
  {
    name: 'C10',
    sentence: 'Whatever a token holds, the answer is a refusal and never an exception.',
  },
  {
    name: 'C11',
    sentence: 'The JWKS holds public members only, and a retired key verifies until it is removed.',
  },
  {
    name: 'C12',
    sentence: 'jose is new enough, and an empty issuer or audience is refused at the start.',
  },
  {
    name: 'C13',
    sentence: 'A signing key is a JWK: text, bytes and shared secrets are never guessed at.',
  },
  {
    name: 'D1',
    sentence:
      'Tenant, environment and workflow must each be covered, byte for byte; nothing is covered by default.',
  },
  { name: 'D2', sentence: 'A tenant that a caller names can only confirm what the key has.' },
  { name: 'D3', sentence: 'A name in a scope is a name, never a prefix or a pattern.' },
  {
    name: 'D4',
    sentence: 'What belongs to another tenant and what does not exist get the same answer.',
  },
  {
    name: 'E1',
    sentence: 'The exchange is POST only, with a bounded body, and no cache keeps an answer.',
  },
  {
    name: 'E2',
    sentence:
      'An OAuth client authenticates by Basic or in the form, in one way at a time, and never in the URL.',
  },
  {
    name: 'E3',
    sentence: 'A parameter stands once, an unknown one is ignored, a wrong one is an error.',
  },
  { name: 'E4', sentence: 'Asking for a token only narrows, and no parameter sets a claim.' },
  { name: 'E6', sentence: 'There are no refresh tokens.' },
  {
    name: 'F1',
    sentence:
      'Introspection needs authentication, and shows nothing of a token that is not active or not of the caller.',
  },
  {
    name: 'F2',
    sentence:
      'A client revokes its own tokens only, and the response does not reveal whether the token existed.',
  },
  {
    name: 'F3',
    sentence: 'The metadata names the configured issuer, and only endpoints that answer.',
  },
  {
    name: 'F4',
    sentence:
      'Errors of OAuth are JSON with the status of the answer, and reveal no internal details.',
  },
  {
    name: 'G1',
    sentence:
      'The management API does not start without authorize, and shows nothing to an unknown caller.',
  },
  {
    name: 'G2',
    sentence: 'A caller of the management API cannot grant more than it is allowed to.',
  },
  {
    name: 'G3',
    sentence: 'A body of the management API has known members only, and no answer has a digest.',
  },
  {
    name: 'G4',
    sentence: 'A request that a page of another site can cause changes nothing.',
  },
  {
    name: 'G5',
    sentence: 'The pane runs no inline code, is in no frame and in no cache.',
  },
  {
    name: 'G6',
    sentence: 'Pages of the management API are bounded, and a cursor belongs to its caller.',
  },
  { name: 'H1', sentence: 'What callers send reaches a database as a parameter only.' },
  { name: 'H2', sentence: 'Every change is a compare-and-set, and the loser is told.' },
  { name: 'H3', sentence: 'A store that fails or answers nonsense is 503 and never a verdict.' },
  { name: 'H4', sentence: 'Every call to a store has a deadline.' },
  {
    name: 'H5',
    sentence: 'Listeners and last uses change no verdict and leave no rejection behind.',
  },
  {
    name: 'H6',
    sentence: 'How durable each store is, is stated, and set where the store can set it.',
  },
  { name: 'H7', sentence: 'Ending a tenant or an owner ends its keys.' },
  { name: 'I1', sentence: 'Records are cached by id, never verdicts.' },
  {
    name: 'I2',
    sentence: 'Nothing is believed past the bound or past its expiry, and 0 caches nothing.',
  },
  { name: 'I3', sentence: 'Caches are bounded, for what is there and for what is not.' },
  {
    name: 'I4',
    sentence: 'Requests at the same time share one read, and a failure is no verdict for the next.',
  },
  {
    name: 'I5',
    sentence: 'No shared cache keeps an answer whose credential it cannot know to be one.',
  },
  {
    name: 'J1',
    sentence:
      'The client sends secrets and tokens by https or on this machine only, and follows no redirect elsewhere with them.',
  },
  {
    name: 'J2',
    sentence:
      'The client renews once for all callers, early and with a jitter; it repeats once after 401 and never after 403, and honors Retry-After.',
  },
  {
    name: 'J3',
    sentence: 'The client bounds what it reads of an exchange, and its errors hold no secret.',
  },
  {
    name: 'K1',
    sentence: 'No event, error, decision or instance shows a secret, a token or a digest.',
  },
  {
    name: 'K2',
    sentence:
      'What is let in, refused or changed is told with key, time and reason; with the tenant, where the credential is good and the name cannot be a secret.',
  },
  {
    name: 'K3',
    sentence: 'With a throttle a peer that guesses has to wait, and a key in use has not.',
  },
  {
    name: 'L1',
    sentence: 'There are two dependencies, as caret ranges, and nothing runs at install.',
  },
  {
    name: 'L3',
    sentence:
      'A secret scanner has an expression and a checksum to confirm with, and a report of a leak ends a key only if it is signed.',
  },
]

/** The boxes that are not in this release, each with the reason. */
export const ABSENT: readonly Box[] = [
  {
    name: 'B9',
    sentence:
      'Revoking what is sent over plain HTTP: whether a connection is encrypted is known to the proxy in front, not to a guard.',
  },
  {
    name: 'E5',
    sentence: 'Token exchange of RFC 8693: only a secret is exchanged, and never a token.',
  },
  { name: 'L2', sentence: 'DPoP: tokens are bearer tokens.' },
]
