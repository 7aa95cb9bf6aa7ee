-- Wireshark's dissector of the KoriNet protocol, v2 and v3; PROTOCOL.md is its text.
--
--   tshark -X lua_script:korinet.lua -Y 'korinet.frame == "DATA" && korinet.seq > 7' -r capture.pcap
--
-- or put it where Wireshark looks for plugins (Help, About Wireshark, Folders, Personal Lua Plugins). Connections are
-- found by their first bytes; for others there are Decode As, and the preference of the ports. Inside of TLS they are
-- found by the protocol name "korinet/3", if Wireshark has the keys.
--
-- `korinet.summary` is the line, and `korinet.error` the reason, that the Rust crate `korinet-wire` gives for the same
-- bytes; the tests compare the two. Nothing that is captured makes this script fail or go on without an end: each loop
-- goes through bytes that are there, and what is shown of a payload is bounded.

local korinet = Proto("korinet", "KoriNet")

-- The tables of PROTOCOL.md

local FRAMES = {
    [1] = "HELLO", [2] = "WELCOME", [3] = "REJECT", [4] = "DATA", [5] = "ACK",
    [6] = "PING", [7] = "PONG", [8] = "GOAWAY", [9] = "CLOSE", [10] = "VOLATILE",
}
local CODES = {
    [0] = "done",
    [100] = "internal", [101] = "timeout", [102] = "digest-mismatch", [103] = "attach-stale",
    [110] = "frame-malformed", [111] = "frame-too-large", [112] = "frame-unknown", [113] = "frame-unexpected",
    [114] = "sequence-gap", [115] = "ack-beyond-sent", [116] = "window-exceeded", [117] = "message-too-large",
    [118] = "control-flood",
    [200] = "overloaded", [201] = "draining", [202] = "starting", [203] = "too-many-sessions",
    [300] = "authentication-required", [301] = "authentication-failed", [302] = "authentication-expired",
    [400] = "session-unknown", [401] = "session-expired", [402] = "session-ended", [403] = "position-gone",
    [404] = "position-ahead", [405] = "history-diverged",
    [500] = "version-unsupported", [501] = "feature-required", [502] = "level-unsupported", [503] = "not-authorized",
    [504] = "taken-over", [505] = "tls-required",
}
local ROLES = {
    [0] = "message", [1] = "request", [2] = "response", [3] = "error", [4] = "item", [5] = "end", [6] = "cancel",
    [7] = "credit",
}
local HAS_RE = { [2] = true, [3] = true, [4] = true, [5] = true, [6] = true, [7] = true }
local MAY_BE_OWN = { [4] = true, [5] = true, [6] = true, [7] = true }
local LEVELS = { [0] = "received", [1] = "processed", [2] = "durable" }
local HOWS = { [0] = "end", [1] = "detach" }

local PREFACE = "\203KNT\3\0\0\0"
local PREFIX_LEN = 4
local MAX_ELEMENTS = 23
local MAX_SKIPPED_DEPTH = 16
local MAX_V2_DEPTH = 64
local FIRST_SKIPPED_TYPE = 128

-- Of a payload, so much is shown.
local MAX_SHOWN_CHARS = 200
local MAX_SHOWN_DEPTH = 16

-- Fields

local F = {}
local function field(abbrev, make, label, ...)
    F[abbrev] = make("korinet." .. abbrev, label or abbrev, ...)
end
field("version", ProtoField.uint8, "major version")
field("preface", ProtoField.bytes)
field("length", ProtoField.uint32)
field("frame", ProtoField.string)
field("type", ProtoField.uint64)
field("summary", ProtoField.string)
field("error", ProtoField.string)
field("seq", ProtoField.uint64)
field("kind", ProtoField.uint8, nil, base.HEX)
field("kind.role", ProtoField.uint8, "role", base.DEC, ROLES, 0x07)
field("kind.redelivered", ProtoField.bool, "redelivered", 8, nil, 0x08)
field("kind.raw", ProtoField.bool, "raw", 8, nil, 0x10)
field("kind.own", ProtoField.bool, "own", 8, nil, 0x20)
field("payload", ProtoField.bytes)
field("payload.cbor", ProtoField.string, "payload as CBOR")
field("re", ProtoField.uint64)
field("digest", ProtoField.bytes)
field("next", ProtoField.uint64)
field("oldest", ProtoField.uint64)
field("end", ProtoField.uint64)
field("nonce", ProtoField.uint64)
field("code", ProtoField.uint16, nil, base.DEC, CODES)
field("text", ProtoField.string)
field("deadline", ProtoField.uint64, "deadline (ms)")
field("retry-after", ProtoField.uint64, "retry-after (ms)")
field("address", ProtoField.string)
field("how", ProtoField.uint8, nil, base.DEC, HOWS)
field("versions.min", ProtoField.uint16, "lowest minor version")
field("versions.max", ProtoField.uint16, "highest minor version")
field("minor", ProtoField.uint16, "version (minor)")
field("offered", ProtoField.uint64, nil, base.HEX)
field("required", ProtoField.uint64, nil, base.HEX)
field("features", ProtoField.uint64, nil, base.HEX)
field("agent", ProtoField.string)
field("keep-alive", ProtoField.uint64, "keep-alive (ms)")
field("attach", ProtoField.uint64)
field("open.nonce", ProtoField.bytes, "nonce")
field("limits.messages", ProtoField.uint32, "limit of messages")
field("limits.bytes", ProtoField.uint32, "limit of bytes")
field("limits.message", ProtoField.uint32, "maximum message")
field("expiry", ProtoField.uint64, "expiry (ms)")
field("level", ProtoField.uint8, nil, base.DEC, LEVELS)
field("session", ProtoField.bytes)
field("instance", ProtoField.bytes)
field("key", ProtoField.bytes)
field("mechanism", ProtoField.string)
field("authentication", ProtoField.bytes)
field("application.name", ProtoField.string, "application")
field("application.version", ProtoField.string, "application version")
field("proof", ProtoField.bytes)
field("id", ProtoField.string)
field("data", ProtoField.bytes)
field("data.cbor", ProtoField.string, "data as CBOR")
field("acknowledgement", ProtoField.bool)

local all_fields = {}
for _, one in pairs(F) do
    all_fields[#all_fields + 1] = one
end
korinet.fields = all_fields

local MALFORMED = ProtoExpert.new("korinet.malformed", "Malformed frame", expert.group.MALFORMED, expert.severity.ERROR)
local REFUSED = ProtoExpert.new("korinet.refused", "Ended for a reason", expert.group.RESPONSE_CODE, expert.severity.NOTE)
korinet.experts = { MALFORMED, REFUSED }

korinet.prefs.max_frame = Pref.uint("Largest frame (bytes)", 67108928, "Longer frames are malformed")
korinet.prefs.ports = Pref.range("TCP ports", "", "Where KoriNet is spoken, whatever the first bytes are", 65535)

-- CBOR

local UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = 0, 1, 2, 3, 4, 5, 6, 7
local TYPES = {
    [UNSIGNED] = "an unsigned integer", [NEGATIVE] = "a negative integer", [BYTES] = "a byte string",
    [TEXT] = "a text string", [ARRAY] = "an array", [MAP] = "a map", [TAG] = "a tag",
    [SIMPLE] = "a float or simple value",
}
local U64_MAX = UInt64(0xffffffff, 0xffffffff)
local SEQ_LAST = UInt64(0xfffffffe, 0xffffffff)
local U32_MAX = UInt64(0xffffffff, 0)
local U16_MAX = UInt64(0xffff, 0)
local function u64(number)
    return UInt64(number, 0)
end

-- Ends the decoding of a frame; `at` counts from the start of its body.
local function fail(at, text)
    error({ at = at, text = text }, 0)
end

local ENDS_INSIDE = "frame ends inside of an item"

local function new_reader(bytes)
    return { bytes = bytes, at = 0, nodes = {} }
end

local function take(r, len)
    if len > #r.bytes - r.at then
        fail(#r.bytes, ENDS_INSIDE)
    end
    local start = r.at
    r.at = start + len
    return r.bytes:sub(start + 1, start + len)
end

-- A big-endian number of up to 4 bytes.
local function big_endian(bytes)
    local number = 0
    for index = 1, #bytes do
        number = number * 256 + bytes:byte(index)
    end
    return number
end

-- The first bytes of an item: its type, and its argument exactly (`u`) and as a plain number (`n`); both are nil where
-- the length is indefinite, and for the break.
local function read_head(r)
    local at = r.at
    local initial = take(r, 1):byte()
    local ty, info = math.floor(initial / 32), initial % 32
    local head = { ty = ty, at = at }
    if info < 24 then
        head.u = u64(info)
    elseif info == 24 then
        local value = take(r, 1):byte()
        if ty == SIMPLE and value < 32 then
            fail(at, "simple value below 32 in two bytes")
        end
        head.u = u64(value)
    elseif info == 25 then
        head.u = u64(big_endian(take(r, 2)))
    elseif info == 26 then
        head.u = u64(big_endian(take(r, 4)))
    elseif info == 27 then
        local bytes = take(r, 8)
        head.u = UInt64(big_endian(bytes:sub(5)), big_endian(bytes:sub(1, 4)))
    elseif info ~= 31 or ty == UNSIGNED or ty == NEGATIVE or ty == TAG then
        fail(at, string.format("reserved initial byte 0x%02x", initial))
    end
    if head.u then
        head.n = head.u:tonumber()
    end
    head.is_break = ty == SIMPLE and info == 31
    head.info = info
    head.size = r.at - at
    return head
end

local function shortest_size(number)
    if number < 24 then return 1 end
    if number < 256 then return 2 end
    if number < 65536 then return 3 end
    if number < 4294967296 then return 5 end
    return 9
end

-- The bytes of the character at `index` and its number; nil for what is no UTF-8.
local function character(bytes, index)
    local first = bytes:byte(index)
    if first < 0x80 then
        return 1, first
    end
    local len, least, number
    if first >= 0xc2 and first < 0xe0 then
        len, least, number = 2, 0x80, first - 0xc0
    elseif first >= 0xe0 and first < 0xf0 then
        len, least, number = 3, 0x800, first - 0xe0
    elseif first >= 0xf0 and first < 0xf5 then
        len, least, number = 4, 0x10000, first - 0xf0
    else
        return nil
    end
    for following = index + 1, index + len - 1 do
        local byte = bytes:byte(following)
        if not byte or byte < 0x80 or byte > 0xbf then
            return nil
        end
        number = number * 64 + byte - 0x80
    end
    if number < least or number > 0x10ffff or (number >= 0xd800 and number < 0xe000) then
        return nil
    end
    return len, number
end

-- `start` is where the text begins in the body.
local function check_utf8(text, start)
    local index = 1
    while index <= #text do
        local len = character(text, index)
        if not len then
            fail(start + index - 1, "text string is not UTF-8")
        end
        index = index + len
    end
end

local function skip_chunk(r, ty, len)
    local at = r.at
    local chunk = take(r, len)
    if ty == TEXT then
        check_utf8(chunk, at)
    end
end

local function skip_string(r, head)
    if head.n then
        return skip_chunk(r, head.ty, head.n)
    end
    while true do
        local chunk = read_head(r)
        if chunk.is_break then
            return
        end
        if chunk.ty ~= head.ty or not chunk.n then
            fail(chunk.at, "chunk of an indefinite-length string is of another type")
        end
        skip_chunk(r, head.ty, chunk.n)
    end
end

-- An item takes at least one byte, so a count above the rest of the body is found out at once.
local function plausible(r, items)
    if items > #r.bytes - r.at then
        fail(#r.bytes, ENDS_INSIDE)
    end
    return items
end

-- Reads what belongs to a head itself; the level that it opens, if it opens one: a number of items, or what is next
-- before a break.
local function skip_content(r, head)
    if head.ty == BYTES or head.ty == TEXT then
        skip_string(r, head)
    elseif head.ty == ARRAY then
        return head.n and plausible(r, head.n) or "item"
    elseif head.ty == MAP then
        return head.n and plausible(r, head.n * 2) or "key"
    elseif head.ty == TAG then
        return 1
    end
end

-- Reads over one item of any shape, and checks it.
local function skip_item(r, max_depth)
    local head = read_head(r)
    if head.is_break then
        fail(head.at, "break outside of an indefinite-length item")
    end
    local level = skip_content(r, head)
    local levels = {}
    while level do
        if level == 0 then
            level = table.remove(levels)
        else
            head = read_head(r)
            if head.is_break then
                if level == "value" then
                    fail(head.at, "map ends after a key")
                elseif level ~= "item" and level ~= "key" then
                    fail(head.at, "break outside of an indefinite-length item")
                end
                level = 0
            else
                if level == "key" then
                    level = "value"
                elseif level == "value" then
                    level = "key"
                elseif level ~= "item" then
                    level = level - 1
                end
                local inner = skip_content(r, head)
                if inner then
                    if #levels + 1 >= max_depth then
                        fail(head.at, "nesting exceeds limit " .. max_depth)
                    end
                    levels[#levels + 1] = level
                    level = inner
                end
            end
        end
    end
end

-- Texts

-- A whole number without a point, which newer Luas would give it.
local function plain(number)
    return string.format("%.0f", number)
end

local function hex(bytes)
    return (bytes:gsub(".", function(byte)
        return string.format("%02x", byte:byte())
    end))
end

local ESCAPES = { [0] = "\\0", [9] = "\\t", [10] = "\\n", [13] = "\\r", [34] = '\\"', [92] = "\\\\" }

-- What a terminal acts on, and what hides or reorders other text.
local HIDDEN = {
    { 0x00, 0x1f }, { 0x7f, 0x9f }, { 0xad, 0xad }, { 0x300, 0x36f }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
    { 0x2060, 0x206f }, { 0xe000, 0xf8ff }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
    { 0xe0000, 0x10ffff },
}

local function is_hidden(number)
    for _, range in ipairs(HIDDEN) do
        if number >= range[1] and number <= range[2] then
            return true
        end
    end
    return false
end

-- UTF-8 in quotes, of at most so many bytes.
local function quoted(text, max)
    local parts, index = { '"' }, 1
    while index <= #text and (not max or index <= max) do
        local len, number = character(text, index)
        if not len then
            len, number = 1, 0xfffd
        end
        if ESCAPES[number] then
            parts[#parts + 1] = ESCAPES[number]
        elseif is_hidden(number) then
            parts[#parts + 1] = string.format("\\u{%x}", number)
        else
            parts[#parts + 1] = text:sub(index, index + len - 1)
        end
        index = index + len
    end
    parts[#parts + 1] = index <= #text and '"…' or '"'
    return table.concat(parts)
end

local function half_float(bits)
    local exponent, fraction = math.floor(bits / 1024) % 32, bits % 1024
    local value
    if exponent == 31 then
        value = fraction == 0 and math.huge or 0 / 0
    elseif exponent == 0 then
        value = fraction * 2 ^ -24
    else
        value = (1024 + fraction) * 2 ^ (exponent - 25)
    end
    return bits >= 32768 and -value or value
end

local function float_text(value)
    if value ~= value then return "NaN" end
    if value == math.huge then return "Infinity" end
    if value == -math.huge then return "-Infinity" end
    local text = string.format("%.17g", value)
    local short = string.format("%.15g", value)
    if tonumber(short) == value then
        text = short
    end
    return text:find("[%.eE]") and text or text .. ".0"
end

local SIMPLES = { [20] = "false", [21] = "true", [22] = "null", [23] = "undefined" }

local function simple_text(r, head)
    local bytes = r.bytes:sub(head.at + 2, r.at)
    if head.info == 25 then
        return float_text(half_float(head.n))
    elseif head.info == 26 then
        return float_text((Struct.unpack(">f", bytes)))
    elseif head.info == 27 then
        return float_text((Struct.unpack(">d", bytes)))
    end
    return SIMPLES[head.n] or "simple(" .. plain(head.n) .. ")"
end

local function negative_text(head)
    if head.u == U64_MAX then
        return "-18446744073709551616"
    end
    return "-" .. tostring(head.u + u64(1))
end

-- The rest of an output that is full is not shown.
local FULL = {}

local function show(out, text)
    out[#out + 1] = text
    out.len = out.len + #text
    if out.len > MAX_SHOWN_CHARS then
        error(FULL, 0)
    end
end

local show_item

local function show_string(r, head, out)
    local function chunk(len)
        local bytes = take(r, len)
        if head.ty == TEXT then
            show(out, quoted(bytes, MAX_SHOWN_CHARS))
        else
            local cut = #bytes > MAX_SHOWN_CHARS / 2
            show(out, "h'" .. hex(bytes:sub(1, MAX_SHOWN_CHARS / 2)) .. (cut and "…" or "") .. "'")
        end
    end
    if head.n then
        return chunk(head.n)
    end
    show(out, "(_ ")
    local first = true
    while true do
        local part = read_head(r)
        if part.is_break then
            return show(out, ")")
        end
        if part.ty ~= head.ty or not part.n then
            fail(part.at, "chunk of an indefinite-length string is of another type")
        end
        show(out, first and "" or ", ")
        first = false
        chunk(part.n)
    end
end

local function show_items(r, head, out, depth, open, close)
    show(out, open .. (head.n and "" or "_ "))
    local count = 0
    while not head.n or count < head.n do
        if not head.n and r.bytes:byte(r.at + 1) == 0xff then
            r.at = r.at + 1
            break
        end
        show(out, count > 0 and ", " or "")
        show_item(r, out, depth + 1)
        if head.ty == MAP then
            show(out, ": ")
            show_item(r, out, depth + 1)
        end
        count = count + 1
    end
    show(out, close)
end

show_item = function(r, out, depth)
    if depth > MAX_SHOWN_DEPTH then
        error(FULL, 0)
    end
    local head = read_head(r)
    if head.is_break then
        fail(head.at, "break outside of an indefinite-length item")
    elseif head.ty == UNSIGNED then
        show(out, tostring(head.u))
    elseif head.ty == NEGATIVE then
        show(out, negative_text(head))
    elseif head.ty == BYTES or head.ty == TEXT then
        show_string(r, head, out)
    elseif head.ty == ARRAY then
        show_items(r, head, out, depth, "[", "]")
    elseif head.ty == MAP then
        show_items(r, head, out, depth, "{", "}")
    elseif head.ty == TAG then
        show(out, tostring(head.u) .. "(")
        show_item(r, out, depth + 1)
        show(out, ")")
    else
        show(out, simple_text(r, head))
    end
end

-- One item of CBOR in diagnostic notation (RFC 8949, section 8), as much of it as is shown.
local function diagnostic(bytes)
    local r, out = new_reader(bytes), { len = 0 }
    local ok, why = pcall(show_item, r, out, 0)
    local text = table.concat(out)
    if not ok and why == FULL then
        return text .. "…"
    elseif not ok then
        return text .. " (no CBOR: " .. (type(why) == "table" and why.text or tostring(why)) .. ")"
    elseif r.at < #bytes then
        return text .. string.format(" (and %d bytes more)", #bytes - r.at)
    end
    return text
end

-- The strict reading of what PROTOCOL.md names (V3-5, V3-6)

-- What is shown of a value that was read, from `at` to here.
local function note(r, name, at, value)
    r.nodes[#r.nodes + 1] = { field = F[name], name = name, at = at, len = r.at - at, value = value }
end

local function argument(r, what, ty)
    local head = read_head(r)
    if head.is_break then
        fail(head.at, "break outside of an indefinite-length item")
    elseif head.ty ~= ty then
        fail(head.at, what .. " is " .. TYPES[head.ty] .. ", expected " .. TYPES[ty])
    elseif not head.n then
        fail(head.at, what .. " has no definite length")
    elseif head.size ~= shortest_size(head.n) then
        fail(head.at, what .. " is not in the shortest form")
    end
    return head
end

local function read_uint(r, what, name, min, max)
    local head = argument(r, what, UNSIGNED)
    if (min and head.u < min) or (max and head.u > max) then
        local range = tostring(min or u64(0)) .. " to " .. tostring(max or U64_MAX)
        fail(head.at, what .. " is " .. tostring(head.u) .. ", expected " .. range)
    end
    if name then
        note(r, name, head.at, head.u)
    end
    return head.u
end

local function read_seq(r, what, name)
    return read_uint(r, what, name, u64(1), U64_MAX)
end

local function read_number(r, what, name, max)
    local u = read_uint(r, what, nil, u64(0), max)
    local number = u:tonumber()
    note(r, name, r.at - shortest_size(number), number)
    return number
end

local function read_bytes(r, what, name, len)
    local head = argument(r, what, BYTES)
    if len and head.n ~= len then
        fail(head.at, what .. " has " .. tostring(head.u) .. " bytes, expected " .. len)
    end
    local bytes = take(r, head.n)
    r.nodes[#r.nodes + 1] = { field = F[name], name = name, at = r.at - #bytes, len = #bytes }
    return bytes
end

-- A string of at most `max` bytes.
local function read_string(r, what, name, ty, max)
    local head = argument(r, what, ty)
    if head.n > max then
        fail(head.at, what .. " has " .. tostring(head.u) .. " bytes, expected at most " .. max)
    end
    local at = r.at
    local bytes = take(r, head.n)
    if ty == TEXT then
        check_utf8(bytes, at)
    end
    local value = ty == TEXT and bytes or nil
    r.nodes[#r.nodes + 1] = { field = F[name], name = name, at = at, len = #bytes, value = value }
    return bytes
end

local function read_text(r, what, name, max)
    return read_string(r, what, name, TEXT, max)
end

local function open_array(r, what)
    return { left = argument(r, what, ARRAY).u }
end

-- Whether there is another element.
local function element(elements)
    if elements.left == u64(0) then
        return false
    end
    elements.left = elements.left - u64(1)
    return true
end

local function required(r, elements, what)
    if not element(elements) then
        fail(r.at, what .. " is missing")
    end
end

local function finish_array(r, elements)
    while element(elements) do
        skip_item(r, MAX_SKIPPED_DEPTH)
    end
end

local function open_map(r, what)
    local start = r.at
    return { start = start, left = argument(r, what, MAP).u }
end

local function next_key(r, entries)
    if entries.left == u64(0) then
        return false
    end
    local head = argument(r, "map key", UNSIGNED)
    if entries.key and entries.key >= head.u then
        fail(head.at, "map key " .. tostring(head.u) .. " after " .. tostring(entries.key) .. ", expected rising keys")
    end
    entries.left = entries.left - u64(1)
    entries.key, entries.pending = head.u, true
    return true
end

-- Goes to the value under a key, if there is one; entries before it, which are unknown, are skipped.
local function find(r, entries, key)
    while entries.pending or next_key(r, entries) do
        if entries.key < u64(key) then
            entries.pending = false
            skip_item(r, MAX_SKIPPED_DEPTH)
        else
            entries.pending = entries.key ~= u64(key)
            return not entries.pending
        end
    end
    return false
end

local function finish_map(r, entries)
    while entries.pending or next_key(r, entries) do
        entries.pending = false
        skip_item(r, MAX_SKIPPED_DEPTH)
    end
end

local function must_find(r, entries, key, what)
    if not find(r, entries, key) then
        -- A key in the wrong place tells more than that it is missing in the right one.
        finish_map(r, entries)
        fail(entries.start, what .. " is missing")
    end
end

-- The parts of frames

local function features_text(features)
    if features == u64(0) then
        return "none"
    end
    local has_checksum = features % u64(2) == u64(1)
    local unknown = has_checksum and features - u64(1) or features
    if unknown == u64(0) then
        return "checksum"
    end
    return (has_checksum and "checksum+" or "") .. "0x" .. unknown:tohex():gsub("^0+", "")
end

local function code_text(code)
    return CODES[code] or "code " .. plain(code)
end

local function read_code(r)
    local code = read_number(r, "code", "code", U16_MAX)
    r.code = code
    return code_text(code)
end

local function millis(u)
    return tostring(u) .. "ms"
end

local function read_digest(r)
    return " digest=" .. hex(read_bytes(r, "digest", "digest", 4))
end

local function read_versions(r)
    local at = r.at
    local elements = open_array(r, "versions")
    required(r, elements, "lowest version")
    local min = read_number(r, "lowest version", "versions.min", U16_MAX)
    required(r, elements, "highest version")
    local max = read_number(r, "highest version", "versions.max", U16_MAX)
    finish_array(r, elements)
    if min > max then
        fail(at, "lowest version " .. plain(min) .. " is above the highest, " .. plain(max))
    end
    return min == max and plain(max) or plain(min) .. "-" .. plain(max)
end

local function read_limits(r)
    local elements = open_array(r, "limits")
    local texts = {}
    for _, limit in ipairs({
        { "limit of messages", "limits.messages" }, { "limit of bytes", "limits.bytes" },
        { "maximum message", "limits.message" },
    }) do
        required(r, elements, limit[1])
        local head = r.at
        local u = read_uint(r, limit[1], nil, u64(1), U32_MAX)
        note(r, limit[2], head, u:tonumber())
        texts[#texts + 1] = tostring(u)
    end
    finish_array(r, elements)
    return table.concat(texts, "/")
end

-- The positions from key `first` on.
local function read_positions(r, entries, first)
    must_find(r, entries, first, "next")
    local position = read_seq(r, "next", "next")
    must_find(r, entries, first + 1, "oldest")
    local oldest = read_seq(r, "oldest", "oldest")
    must_find(r, entries, first + 2, "end")
    local last = read_seq(r, "end", "end")
    local digest = find(r, entries, first + 3) and read_digest(r) or ""
    if oldest > last then
        fail(entries.start, "oldest is " .. tostring(oldest) .. ", expected at most end, " .. tostring(last))
    end
    return "next=" .. tostring(position) .. " oldest=" .. tostring(oldest) .. " end=" .. tostring(last) .. digest
end

local function read_level(r)
    return LEVELS[read_number(r, "level", "level", u64(2))]
end

local function read_open(r)
    local entries = open_map(r, "open")
    must_find(r, entries, 0, "nonce")
    local open = { nonce = hex(read_bytes(r, "nonce", "open.nonce", 16)) }
    must_find(r, entries, 1, "limits")
    open.limits = read_limits(r)
    must_find(r, entries, 2, "expiry")
    open.expiry = read_uint(r, "expiry", "expiry")
    must_find(r, entries, 3, "level")
    open.level = read_level(r)
    finish_map(r, entries)
    return open
end

local function read_resume(r)
    local entries = open_map(r, "resume")
    must_find(r, entries, 0, "session")
    local resume = { session = read_bytes(r, "session", "session", 16) }
    resume.positions = read_positions(r, entries, 1)
    finish_map(r, entries)
    return resume
end

local function read_opened(r)
    local entries = open_map(r, "opened")
    must_find(r, entries, 0, "limits")
    local opened = { limits = read_limits(r) }
    must_find(r, entries, 1, "expiry")
    opened.expiry = read_uint(r, "expiry", "expiry")
    must_find(r, entries, 2, "level")
    opened.level = read_level(r)
    opened.has_key = find(r, entries, 3)
    if opened.has_key then
        read_bytes(r, "key", "key", 32)
    end
    finish_map(r, entries)
    return opened
end

local function read_resumed(r)
    local entries = open_map(r, "resumed")
    local positions = read_positions(r, entries, 0)
    finish_map(r, entries)
    return positions
end

-- One of the two, as key 6 and as key 7, and never both.
local function read_either(r, entries, first, read_first, second, read_second)
    local one = find(r, entries, 6) and read_first(r) or nil
    local other = find(r, entries, 7) and read_second(r) or nil
    if one and other then
        fail(entries.start, second .. " is not allowed with " .. first)
    elseif not one and not other then
        fail(entries.start, first .. " or " .. second .. " is missing")
    end
    return one, other
end

local function read_proof(r, elements)
    if not element(elements) then
        return false
    end
    read_bytes(r, "proof", "proof", 32)
    return true
end

-- There exactly where something is resumed.
local function check_proof(r, elements, resumes, by)
    local at = r.at
    local has_proof = read_proof(r, elements)
    if has_proof and not resumes then
        fail(at, "proof is not allowed with " .. by)
    elseif resumes and not has_proof then
        fail(at, "proof is missing")
    end
end

-- Frames: each gives its line.

local READ = {}

function READ.HELLO(r, elements)
    required(r, elements, "HELLO map")
    local entries = open_map(r, "HELLO map")
    must_find(r, entries, 0, "versions")
    local versions = read_versions(r)
    must_find(r, entries, 1, "offered")
    local offered = read_uint(r, "offered", "offered")
    must_find(r, entries, 2, "required")
    local needed = read_uint(r, "required", "required")
    must_find(r, entries, 3, "agent")
    local agent = read_text(r, "agent", "agent", 128)
    must_find(r, entries, 4, "keep-alive")
    local keep_alive = read_uint(r, "keep-alive", "keep-alive")
    must_find(r, entries, 5, "attach")
    local attach = tostring(read_seq(r, "attach", "attach"))
    local open, resume = read_either(r, entries, "open", read_open, "resume", read_resume)
    local identity = ""
    if find(r, entries, 8) then
        local inner = open_map(r, "authentication")
        must_find(r, inner, 0, "mechanism")
        identity = " authentication=" .. quoted(read_text(r, "mechanism", "mechanism", 128))
        must_find(r, inner, 1, "authentication")
        read_string(r, "authentication", "authentication", BYTES, 8192)
        finish_map(r, inner)
    end
    if find(r, entries, 9) then
        local inner = open_map(r, "application")
        must_find(r, inner, 0, "name")
        local name = quoted(read_text(r, "name", "application.name", 128))
        must_find(r, inner, 1, "application version")
        local version = quoted(read_text(r, "application version", "application.version", 128))
        identity = identity .. " application=" .. name .. " " .. version
        finish_map(r, inner)
    end
    local missing = needed:band(offered:bnot())
    if missing ~= u64(0) then
        fail(entries.start, "features " .. features_text(missing) .. " are required but not offered")
    end
    finish_map(r, entries)
    check_proof(r, elements, resume ~= nil, "open")

    local line
    if open then
        line = "open nonce=" .. open.nonce .. " attach=" .. attach
    else
        line = "resume session=" .. hex(resume.session:sub(1, 4)) .. ".. attach=" .. attach .. " " .. resume.positions
    end
    line = line .. " features=" .. features_text(offered)
    if needed ~= u64(0) then
        line = line .. " required=" .. features_text(needed)
    end
    if open then
        line = line .. " limits=" .. open.limits .. " level=" .. open.level .. " expiry=" .. millis(open.expiry)
    end
    line = line .. " keep-alive=" .. millis(keep_alive) .. " versions=" .. versions .. " agent=" .. quoted(agent)
    return line .. identity
end

function READ.WELCOME(r, elements)
    required(r, elements, "WELCOME map")
    local entries = open_map(r, "WELCOME map")
    must_find(r, entries, 0, "version")
    local version = read_number(r, "version", "minor", U16_MAX)
    must_find(r, entries, 1, "features")
    local features = read_uint(r, "features", "features")
    must_find(r, entries, 2, "agent")
    local agent = read_text(r, "agent", "agent", 128)
    must_find(r, entries, 3, "keep-alive")
    local keep_alive = read_uint(r, "keep-alive", "keep-alive")
    must_find(r, entries, 4, "instance")
    local instance = read_bytes(r, "instance", "instance", 16)
    must_find(r, entries, 5, "session")
    local session = hex(read_bytes(r, "session", "session", 16):sub(1, 4))
    local opened, resumed = read_either(r, entries, "opened", read_opened, "resumed", read_resumed)
    finish_map(r, entries)
    check_proof(r, elements, resumed ~= nil, "opened")

    local line
    if opened then
        line = "opened session=" .. session .. ".."
    else
        line = "resumed session=" .. session .. ".. " .. resumed
    end
    line = line .. " features=" .. features_text(features)
    if opened then
        line = line .. " limits=" .. opened.limits .. " level=" .. opened.level .. " expiry=" .. millis(opened.expiry)
        line = line .. (opened.has_key and " key=given" or "")
    end
    line = line .. " keep-alive=" .. millis(keep_alive) .. " version=" .. plain(version)
    return line .. " instance=" .. hex(instance:sub(1, 4)) .. ".. agent=" .. quoted(agent)
end

function READ.REJECT(r, elements)
    required(r, elements, "REJECT map")
    local entries = open_map(r, "REJECT map")
    must_find(r, entries, 0, "code")
    local line = "code=" .. read_code(r)
    must_find(r, entries, 1, "text")
    line = line .. " text=" .. quoted(read_text(r, "text", "text", 256))
    if find(r, entries, 2) then
        line = line .. " retry-after=" .. millis(read_uint(r, "retry-after", "retry-after"))
    end
    if find(r, entries, 3) then
        line = line .. " versions=" .. read_versions(r)
    end
    if find(r, entries, 4) then
        line = line .. " attach=" .. tostring(read_seq(r, "attach", "attach"))
    end
    if find(r, entries, 5) then
        line = line .. " next=" .. tostring(read_seq(r, "next", "next"))
    end
    if find(r, entries, 6) then
        line = line .. read_digest(r)
    end
    finish_map(r, entries)
    return line .. (read_proof(r, elements) and " proven" or "")
end

local function kind_text(bits)
    local text = ROLES[bits % 8]
    if math.floor(bits / 16) % 2 == 1 then
        text = text .. "+raw"
    end
    if math.floor(bits / 8) % 2 == 1 then
        text = text .. "+redelivered"
    end
    if math.floor(bits / 32) % 2 == 1 then
        text = text .. "+own"
    end
    return text
end

local function note_kind(r, at)
    for _, name in ipairs({ "kind", "kind.role", "kind.redelivered", "kind.raw", "kind.own" }) do
        r.nodes[#r.nodes + 1] = { field = F[name], name = name, at = r.at - 1, len = 1, below = name ~= "kind" }
    end
end

local function read_payload(r, is_raw)
    local payload = read_bytes(r, "payload", "payload")
    if not is_raw then
        local value = diagnostic(payload)
        r.nodes[#r.nodes + 1] = {
            field = F["payload.cbor"], name = "payload.cbor", at = r.at - #payload, len = #payload, value = value,
        }
    end
    return #payload
end

function READ.DATA(r, elements)
    required(r, elements, "seq")
    local seq = read_uint(r, "seq", "seq", u64(1), SEQ_LAST)
    required(r, elements, "kind")
    local at = r.at
    local u = read_uint(r, "kind")
    if u > u64(63) then
        fail(at, "kind is " .. tostring(u) .. ", expected 0 to 63")
    end
    local bits = u:tonumber()
    local role = bits % 8
    if bits >= 32 and not MAY_BE_OWN[role] then
        fail(at, "own is not allowed with " .. ROLES[role])
    end
    note_kind(r, at)
    required(r, elements, "payload")
    local len = read_payload(r, math.floor(bits / 16) % 2 == 1)
    local line = "seq=" .. tostring(seq) .. " kind=" .. kind_text(bits) .. " len=" .. len
    if HAS_RE[role] then
        required(r, elements, "re")
        line = line .. " re=" .. tostring(read_seq(r, "re", "re"))
    end
    if element(elements) then
        line = line .. read_digest(r)
    end
    return line
end

function READ.ACK(r, elements)
    required(r, elements, "next")
    local line = "next=" .. tostring(read_seq(r, "next", "next"))
    return line .. (element(elements) and read_digest(r) or "")
end

function READ.PING(r, elements)
    required(r, elements, "nonce")
    return "nonce=" .. tostring(read_uint(r, "nonce", "nonce"))
end

READ.PONG = READ.PING

local function read_addresses(r)
    local at = r.at
    local elements = open_array(r, "addresses")
    if elements.left < u64(1) or elements.left > u64(16) then
        fail(at, "number of addresses is " .. tostring(elements.left) .. ", expected 1 to 16")
    end
    local texts = {}
    while element(elements) do
        texts[#texts + 1] = quoted(read_text(r, "address", "address", 256))
    end
    return table.concat(texts, ",")
end

function READ.GOAWAY(r, elements)
    required(r, elements, "GOAWAY map")
    local entries = open_map(r, "GOAWAY map")
    must_find(r, entries, 0, "code")
    local code = read_code(r)
    must_find(r, entries, 1, "text")
    local text = quoted(read_text(r, "text", "text", 256))
    must_find(r, entries, 2, "deadline")
    local deadline = millis(read_uint(r, "deadline", "deadline"))
    local line = "deadline=" .. deadline .. " code=" .. code .. " text=" .. text
    if find(r, entries, 3) then
        line = line .. " retry-after=" .. millis(read_uint(r, "retry-after", "retry-after"))
    end
    if find(r, entries, 4) then
        line = line .. " addresses=" .. read_addresses(r)
    end
    finish_map(r, entries)
    return line
end

function READ.CLOSE(r, elements)
    required(r, elements, "CLOSE map")
    local entries = open_map(r, "CLOSE map")
    must_find(r, entries, 0, "code")
    local code = read_code(r)
    must_find(r, entries, 1, "text")
    local text = quoted(read_text(r, "text", "text", 256))
    must_find(r, entries, 2, "how")
    local how = HOWS[read_number(r, "how", "how", u64(1))]
    must_find(r, entries, 3, "next")
    local line = how .. " next=" .. tostring(read_seq(r, "next", "next"))
    if find(r, entries, 4) then
        line = line .. read_digest(r)
    end
    finish_map(r, entries)
    return line .. " code=" .. code .. " text=" .. text
end

function READ.VOLATILE(r, elements)
    required(r, elements, "kind")
    local at = r.at
    local u = read_uint(r, "kind")
    if u ~= u64(0) and u ~= u64(16) then
        fail(at, "kind is " .. tostring(u) .. ", expected 0 or 16")
    end
    local bits = u:tonumber()
    note_kind(r, at)
    required(r, elements, "payload")
    return "kind=" .. kind_text(bits) .. " len=" .. read_payload(r, bits == 16)
end

-- The frame of protocol v3 in a body: its line.
local function read_v3(r)
    local elements = open_array(r, "frame")
    if elements.left > u64(MAX_ELEMENTS) then
        fail(0, "frame has " .. tostring(elements.left) .. " elements, expected at most " .. MAX_ELEMENTS)
    end
    required(r, elements, "type")
    local at = r.at
    local ty = read_uint(r, "type", "type")
    local name = FRAMES[ty:tonumber()]
    if name then
        r.name = name
        local line = READ[name](r, elements)
        finish_array(r, elements)
        if r.at < #r.bytes then
            fail(r.at, "bytes after the frame's array: " .. #r.bytes - r.at .. ", expected none")
        end
        return name .. " " .. line
    elseif ty >= u64(FIRST_SKIPPED_TYPE) then
        -- Its content may be anything, even what is no CBOR.
        r.name = "SKIPPED"
        return "SKIPPED type=" .. tostring(ty)
    end
    fail(at, "frame type " .. tostring(ty) .. " is not known")
end

-- The text of a well-formed text string, in one piece or in chunks; nil for other items.
local function text_of(bytes)
    local r = new_reader(bytes)
    local head = read_head(r)
    if head.ty ~= TEXT then
        return nil
    elseif head.n then
        return take(r, head.n), true
    end
    local parts = {}
    while true do
        local chunk = read_head(r)
        if chunk.is_break then
            return table.concat(parts), false
        end
        parts[#parts + 1] = take(r, chunk.n)
    end
end

-- The frame of protocol v2 in a body: its line.
local function read_v2(r)
    local head = read_head(r)
    if head.ty ~= MAP then
        fail(0, "frame holds " .. TYPES[head.ty] .. ", expected a map")
    end
    local function item()
        local at = r.at
        skip_item(r, MAX_V2_DEPTH)
        return r.bytes:sub(at + 1, r.at), at
    end
    local left, found = head.u, {}
    while true do
        if not left and r.bytes:byte(r.at + 1) == 0xff then
            r.at = r.at + 1
            break
        elseif left and left == u64(0) then
            break
        end
        left = left and left - u64(1)
        local key = text_of((item()))
        if not left and r.bytes:byte(r.at + 1) == 0xff then
            fail(r.at, "map ends after a key")
        end
        local value, at = item()
        if key == "data" or key == "id" then
            found[key] = { bytes = value, at = at }
        end
    end
    for _, key in ipairs({ "data", "id" }) do
        if not found[key] then
            fail(r.at, 'missing key "' .. key .. '"')
        end
    end
    local data, id = found.data, found.id
    local ty = math.floor(data.bytes:byte() / 32)
    if ty ~= MAP then
        fail(data.at, "data is " .. TYPES[ty] .. ", expected a map")
    end
    local text, is_whole = text_of(id.bytes)
    local shown = text and is_whole and quoted(text) or "cbor:" .. hex(id.bytes)
    local is_acknowledgement = data.bytes == "\161\103statusP\245"
    local function add(name, of, value)
        r.nodes[#r.nodes + 1] = { field = F[name], name = name, at = of.at, len = #of.bytes, value = value }
    end
    add("data", data)
    add("data.cbor", data, diagnostic(data.bytes))
    add("acknowledgement", data, is_acknowledgement)
    add("id", id, text and is_whole and text or shown)
    r.name = is_acknowledgement and "ACKNOWLEDGEMENT" or "MESSAGE"
    return r.name .. " id=" .. shown .. " len=" .. #data.bytes
end

-- Connections

-- Those on which a preface was seen, by the number of their TCP stream.
local speaks_v3 = {}
local stream_field = Field.new("tcp.stream")

function korinet.init()
    speaks_v3 = {}
end

local function stream()
    local info = stream_field()
    return info and info.value or -1
end

local HTTP = {
    ["CONN"] = true, ["DELE"] = true, ["GET "] = true, ["HEAD"] = true, ["HTTP"] = true, ["OPTI"] = true,
    ["PATC"] = true, ["POST"] = true, ["PRI "] = true, ["PUT "] = true, ["TRAC"] = true,
}

-- What the bytes of an absurd length look like.
local function guess(bytes)
    local a, b = bytes:byte(1, 2)
    if (a == 0x15 or a == 0x16) and b == 3 then
        return "TLS"
    elseif bytes == PREFACE:sub(1, 4) then
        return "KoriNet protocol v3"
    elseif bytes == "SSH-" then
        return "SSH"
    elseif HTTP[bytes] then
        return "HTTP"
    end
end

local function preface_error(bytes)
    for index = 1, #PREFACE do
        local found = bytes:byte(index)
        if found ~= PREFACE:byte(index) then
            if index == 5 then
                return "major version " .. found .. ", expected 3"
            elseif index > 5 then
                return string.format("byte %d of the preface is 0x%02x, expected 0x00", index - 1, found)
            end
            local other = guess(bytes:sub(1, 4))
            return "no preface of KoriNet protocol v3" .. (other and ": the peer seems to speak " .. other or "")
        end
    end
end

local function add_nodes(tree, tvb, nodes, offset)
    local last
    for _, node in ipairs(nodes) do
        local parent = node.below and last or tree
        local range = tvb(offset + node.at, node.len)
        local item
        if node.value ~= nil then
            item = parent:add(node.field, range, node.value)
        else
            item = parent:add(node.field, range)
        end
        if not node.below then
            last = item
        end
    end
end

local function add_error(tree, range, text)
    tree:add(F.error, range, text):set_generated()
    tree:add_proto_expert_info(MALFORMED, text)
end

-- A packet may be dissected in several calls: the end of what was reassembled, and what follows it.
local function append_info(pinfo, text)
    local info = pinfo.cols.info
    if pinfo.private.korinet then
        info:append(" | ")
    else
        info:set("")
        pinfo.private.korinet = "1"
    end
    info:append(text)
end

local function dissect_preface(tvb, pinfo, tree)
    local bytes = tvb:raw(0, #PREFACE)
    speaks_v3[stream()] = true
    tree:add(F.frame, tvb(0, #PREFACE), "PREFACE")
    tree:add(F.preface, tvb(0, #PREFACE))
    tree:add(F.version, tvb(4, 1))
    tree:add(F.summary, tvb(0, #PREFACE), "PREFACE"):set_generated()
    append_info(pinfo, "PREFACE")
    local why = preface_error(bytes)
    if why then
        add_error(tree, tvb(0, #PREFACE), why)
        append_info(pinfo, "MALFORMED " .. why)
    end
end

-- Why the length before a frame is wrong, if it is.
local function length_error(prefix)
    local len, max = big_endian(prefix), korinet.prefs.max_frame
    if len == 0 then
        return "frame length 0, expected at least 1"
    elseif len > max then
        local other = guess(prefix)
        local text = string.format("frame length %.0f exceeds limit %.0f", len, max)
        return text .. (other and ": the peer seems to speak " .. other or "")
    end
end

local function is_v3(body)
    local first = body:byte() or 0
    return speaks_v3[stream()] or math.floor(first / 32) ~= MAP
end

-- Reads a body: what was read, the frame's line or nil, and then what is wrong and where.
local function read_body(body, of_v3)
    local r = new_reader(body)
    local ok, line = pcall(of_v3 and read_v3 or read_v2, r)
    if ok then
        return r, line
    elseif type(line) == "table" then
        return r, nil, line.text, line.at
    end
    return r, nil, "this script failed: " .. tostring(line), 0
end

local function dissect_frame(tvb, pinfo, tree)
    local prefix = tvb:raw(0, PREFIX_LEN)
    tree:add(F.length, tvb(0, PREFIX_LEN))
    local why = length_error(prefix)
    if why then
        add_error(tree, tvb(0, PREFIX_LEN), why)
        append_info(pinfo, "MALFORMED " .. why)
        return
    end
    local body = tvb:raw(PREFIX_LEN, tvb:len() - PREFIX_LEN)
    local of_v3 = is_v3(body)
    tree:add(F.version, tvb(0, 0), of_v3 and 3 or 2):set_generated()
    local r, line, why, at = read_body(body, of_v3)
    if r.name then
        tree:add(F.frame, tvb(PREFIX_LEN, #body), r.name)
    end
    add_nodes(tree, tvb, r.nodes, PREFIX_LEN)
    if line then
        tree:append_text(", " .. line)
        tree:add(F.summary, tvb(), line):set_generated()
        append_info(pinfo, line)
        if r.code and r.code ~= 0 then
            tree:add_proto_expert_info(REFUSED, r.name .. ": " .. code_text(r.code))
        end
        return
    end
    local start = math.min(PREFIX_LEN + at, tvb:len())
    add_error(tree, tvb(start, math.min(1, tvb:len() - start)), why)
    append_info(pinfo, "MALFORMED " .. (r.name and r.name .. ": " or "") .. why)
end

-- One preface, or one frame with its length; of an absurd length, all that is there.
local function pdu_len(tvb, _, offset)
    local prefix = tvb:raw(offset, PREFIX_LEN)
    if prefix:byte() == PREFACE:byte() then
        return #PREFACE
    elseif length_error(prefix) then
        return math.max(tvb:len() - offset, PREFIX_LEN)
    end
    return PREFIX_LEN + big_endian(prefix)
end

local function dissect_pdu(tvb, pinfo, root)
    local tree = root:add(korinet, tvb())
    if tvb(0, 1):uint() == PREFACE:byte() then
        dissect_preface(tvb, pinfo, tree)
    else
        dissect_frame(tvb, pinfo, tree)
    end
    return tvb:len()
end

local function dissect(tvb, pinfo, root)
    pinfo.cols.protocol:set("KoriNet")
    dissect_tcp_pdus(tvb, root, PREFIX_LEN, pdu_len, dissect_pdu)
    return tvb:len()
end

korinet.dissector = dissect

-- Whether a segment begins as KoriNet does: with a preface, with a frame of v2 as it is written, or, where a capture
-- starts in the middle, with a whole frame of v3 in which nothing is wrong.
local function begins_a_frame(tvb)
    local bytes = tvb:raw(0, math.min(tvb:len(), 10))
    if #bytes >= 2 and bytes:sub(1, 4) == PREFACE:sub(1, math.min(#bytes, 4)) then
        return true
    elseif #bytes < 7 then
        return false
    elseif bytes:byte() == 0 and bytes:sub(5) == "\162\100data" then
        return true
    end
    local len = big_endian(bytes:sub(1, PREFIX_LEN))
    if length_error(bytes:sub(1, PREFIX_LEN)) or len > tvb:len() - PREFIX_LEN then
        return false
    end
    local r, line = read_body(tvb:raw(PREFIX_LEN, len), true)
    return line ~= nil and r.name ~= "SKIPPED"
end

local function heuristic(tvb, pinfo, root)
    if not begins_a_frame(tvb) then
        return false
    end
    pinfo.conversation = korinet
    -- Not by `korinet.dissector`, which would count as another protocol inside, for which nothing is reassembled.
    dissect(tvb, pinfo, root)
    return true
end

korinet:register_heuristic("tcp", heuristic)
DissectorTable.get("tcp.port"):add_for_decode_as(korinet)
-- Not in every build.
pcall(function()
    DissectorTable.get("tls.alpn"):add("korinet/3", korinet)
end)

local registered = ""

function korinet.prefs_changed()
    local ports = tostring(korinet.prefs.ports)
    local tcp = DissectorTable.get("tcp.port")
    if registered ~= "" then
        tcp:remove(registered, korinet)
    end
    if ports ~= "" then
        tcp:add(ports, korinet)
    end
    registered = ports
end
