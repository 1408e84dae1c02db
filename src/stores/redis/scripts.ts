/**
 * Runs one command inside a script. Clients send scripts to masters, even if they send reads to
 * replicas. A script returns a list even if the command alone would return a map in RESP3.
 */
export const COMMAND = 'return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))'

/**
 * The form of a version in the field `version` of a record. The pre-release wrote the digits alone. Its
 * compare-and-set never matches a version of this form, so it changes and deletes no record of this
 * version.
 */
export function versionText(version: number | undefined): string {
  return version === undefined ? '' : `v${version}`
}

/**
 * Writes the next record if the stored version is the expected version (`''`: no record). If there
 * is no next record, deletes the stored record under the same condition. Writes an entry of the
 * history into a second hash, which stays when the record is deleted.
 *
 * - Compares versions as text, because Lua numbers are doubles.
 * - A client that lost its connection may send a write twice. The second run returns the outcome of
 *   the first, which the stored entry or the id of the write shows.
 * - Redis does not roll back a script that fails halfway. So every error that can occur occurs
 *   before the first change: both keys have been read, which checks their types. The first write is
 *   an `HSET`, which checks the memory, the role of the server and the right to `HSET`. Before a
 *   delete, that `HSET` changes nothing, so that a user without the right to `DEL` deletes nothing
 *   and leaves no entry.
 * - The notification is published first, but other clients see nothing until the script has ended.
 * - A hash without a record reserves an id: see {@link RESERVE}. It counts as no record.
 */
export const CHANGE = `
local version, write, record = unpack(redis.call('HMGET', KEYS[1], 'version', 'write', 'record'))
local expected, channel, id, entryId, entry, next, name, text = unpack(ARGV)
local hasEntry = entryId ~= ''
if (hasEntry and redis.call('HGET', KEYS[2], entryId)) or (name and name == write) then
  return {next and 'stored' or 'deleted'}
end
local isReserved = version and not record
if isReserved then version = false end
if version and string.sub(version, 1, 1) ~= 'v' then version = 'v' .. version end
if not version and expected ~= '' then return {'missing'} end
if (version or '') ~= expected then return {'conflict'} end
redis.call('PUBLISH', channel, id)
if next then
  if isReserved then redis.call('DEL', KEYS[1]) end
  if hasEntry then redis.call('HSET', KEYS[2], entryId, entry) end
  redis.call('HSET', KEYS[1], 'version', next, 'write', name, 'record', text)
  return {'stored', record, write}
end
if hasEntry then redis.call('HSET', KEYS[1], 'version', version) end
redis.call('DEL', KEYS[1])
if hasEntry then redis.call('HSET', KEYS[2], entryId, entry) end
return {'deleted', record, write}`

/** How long an id is reserved, in seconds: longer than any write of the pre-release may be in flight. */
const RESERVED_SECONDS = 3600

/**
 * Ends every write of the pre-release that is in flight for a record: none of them succeeds after this.
 * Changes the form of the stored version, so that their compare-and-set fails. If there is no
 * record, reserves its id for some time. Returns the record and the id of its write.
 */
export const RESERVE = `
local version, write, record = unpack(redis.call('HMGET', KEYS[1], 'version', 'write', 'record'))
if not version and not record then
  redis.call('HSET', KEYS[1], 'version', 'v')
  redis.call('EXPIRE', KEYS[1], ${RESERVED_SECONDS})
elseif version and string.sub(version, 1, 1) ~= 'v' then
  redis.call('HSET', KEYS[1], 'version', 'v' .. version)
end
return {record, write}`

/**
 * Records when secrets of a key were used. Takes pairs of secret id and time. Times are below 2^53,
 * so Lua compares them exactly.
 */
export const USE = `
if not redis.call('HGET', KEYS[1], 'write') then return end
for i = 1, #ARGV, 2 do
  local field = 'use:' .. ARGV[i]
  if tonumber(redis.call('HGET', KEYS[1], field) or 0) < tonumber(ARGV[i + 1]) then redis.call('HSET', KEYS[1], field, ARGV[i + 1]) end
end`

/**
 * Reads two settings of the server: the eviction policy, and whether it keeps an append-only file.
 * Returns empty strings if the client has no permission.
 */
export const INSPECT = `
local function setting(section, name)
  local info = redis.pcall('INFO', section)
  return type(info) == 'string' and string.match(info, name .. ':(%S+)') or ''
end
return {setting('memory', 'maxmemory_policy'), setting('persistence', 'aof_enabled')}`

/** Reads the clock of the server: seconds and microseconds. */
export const CLOCK = "return redis.call('TIME')"
