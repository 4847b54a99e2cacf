/*
 * test_frame.c - native frames: header, splits, limits, binary payloads.
 *
 * The bytes of `vectors` are those of doc/PROTOCOL, "Test vectors"; frames
 * with JSON or a request inside are held by test_hello.c, test_request.c.
 */
#include "base/str.h"
#include "tests/unit/suites.h"
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { ROOM = 512 };

static const uint64_t a_session = 0x0102030405060708;

/* Turns hex digits into bytes; returns how many. */
static size_t
unhex(const char *text, uint8_t out[ROOM])
{
	size_t len = strlen(text) / 2;

	ck_assert_uint_le(len, ROOM);
	ck_assert_msg(hex_decode(text, out, len), "bad hex %s", text);
	return len;
}

static const struct {
	const char *name, *hex;
	uint32_t max;
	enum wire_result want;
	size_t need;	     /* WIRE_MORE */
	enum wire_code code; /* WIRE_BAD */
} heads[] = {
	{ "zero length", "", 4096, WIRE_MORE, 6, 0 },
	{ "version alone", "01", 4096, WIRE_MORE, 6, 0 },
	{ "version and type", "0110", 4096, WIRE_MORE, 6, 0 },
	{ "header less one byte", "0110000010", 4096, WIRE_MORE, 6, 0 },
	{ "empty frame", "010500000000", 4096, WIRE_OK, 0, 0 },
	{ "empty frame, more behind", "010500000000ff", 4096, WIRE_OK, 0, 0 },
	{ "payload missing", "012100000008", 4096, WIRE_MORE, 14, 0 },
	{ "payload less one byte", "01210000000801020304050607", 4096,
	    WIRE_MORE, 14, 0 },
	{ "payload whole", "0121000000080102030405060708", 4096, WIRE_OK, 0,
	    0 },

	{ "version 0", "00", 4096, WIRE_BAD, 0, CODE_VERSION },
	{ "version 2", "021000000000", 4096, WIRE_BAD, 0, CODE_VERSION },
	{ "a TLS hello", "1603010200", 4096, WIRE_BAD, 0, CODE_VERSION },
	{ "a classic signal", "7b2254", 4096, WIRE_BAD, 0, CODE_VERSION },
	{ "garbage: GET /", "474554202f", 4096, WIRE_BAD, 0, CODE_VERSION },
	{ "type 0", "0100", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "type 0x08", "0108", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "type 0x0f", "010f", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "type 0x16", "0116", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "type 0x26", "0126", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "type 0x32", "0132", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "type 0xff", "01ff00000000", 4096, WIRE_BAD, 0, CODE_PROTOCOL },

	{ "maximum before auth", "011000001000", 4096, WIRE_MORE, 4102, 0 },
	{ "one over before auth", "011000001001", 4096, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "maximum after auth", "010300010004", 65540, WIRE_MORE, 65546, 0 },
	{ "one over after auth", "010300010005", 65540, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "4 GiB", "0110ffffffff", 4096, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "4 GiB after auth", "0103ffffffff", 65540, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "4 GiB, seen at length byte 1", "0110ff", 4096, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "64 KiB, seen at length byte 2", "01100001", 4096, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "4352, seen at length byte 3", "0110000011", 4096, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "a limit of zero, empty", "011000000000", 0, WIRE_OK, 0, 0 },
	{ "a limit of zero, one byte", "01100000000101", 0, WIRE_BAD, 0,
	    CODE_PROTOCOL },

	{ "KEEPALIVE with a payload", "010500000001", 65540, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "START with a payload", "012400000001", 65540, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "READY one over", "012100000009", 65540, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "FORWARD at its most", "012000000133", 65540, WIRE_MORE, 313, 0 },
	{ "FORWARD one over", "012000000134", 65540, WIRE_BAD, 0,
	    CODE_PROTOCOL },
	{ "EARLY at its most", "012300004008", 65540, WIRE_MORE, 16398, 0 },
	{ "EARLY one over", "012300004009", 65540, WIRE_BAD, 0, CODE_PROTOCOL },
	{ "EARLY too long, seen at length byte 3", "0123000041", 65540,
	    WIRE_BAD, 0, CODE_PROTOCOL },
	{ "WINDOW one over", "010600000009", 65540, WIRE_BAD, 0,
	    CODE_PROTOCOL },
};

START_TEST(head)
{
	uint8_t bytes[ROOM];
	size_t len = unhex(heads[_i].hex, bytes), need = 0;
	const char *why = NULL, *name = heads[_i].name;
	enum wire_code code = 0;
	struct frame frame;
	enum wire_result got = frame_decode(bytes, len, heads[_i].max, &frame,
	    &need, &why, &code);

	ck_assert_msg(got == heads[_i].want, "%s: result %d", name, got);
	if (got == WIRE_MORE)
		ck_assert_msg(need == heads[_i].need, "%s: %zu", name, need);
	if (got == WIRE_BAD)
		ck_assert_msg(why != NULL && code == heads[_i].code,
		    "%s: code %d", name, code);
}
END_TEST

/* doc/PROTOCOL, "Test vectors". */
static const struct {
	const char *name;
	enum frame_type type;
	const char *hex;
} vectors[] = {
	{ "ERROR", FRAME_ERROR,
	    "011400000017"
	    "000261757468656e7469636174696f6e206661696c6564" },
	{ "KEEPALIVE", FRAME_KEEPALIVE, "010500000000" },
	{ "READY", FRAME_READY, "0121000000080102030405060708" },
	{ "REFUSED", FRAME_REFUSED,
	    "01220000002701020304050607080010"
	    "7461726765742072656675736564207468"
	    "6520636f6e6e656374696f6e" },
	{ "EARLY", FRAME_EARLY,
	    "0123000000230102030405060708"
	    "474554202f20485454502f312e310d0a"
	    "486f73743a20610d0a0d0a" },
	{ "START", FRAME_START, "012400000000" },
};

START_TEST(vector_decode)
{
	uint8_t bytes[ROOM];
	size_t len = unhex(vectors[_i].hex, bytes), need;
	enum wire_code code;
	struct frame frame;
	const char *why;

	ck_assert_int_eq(frame_decode(bytes, len, FRAME_MAX_AFTER_AUTH, &frame,
			     &need, &why, &code),
	    WIRE_OK);
	ck_assert_int_eq(frame.type, vectors[_i].type);
	ck_assert_uint_eq(FRAME_HEADER_SIZE + frame.length, len);
	ck_assert_ptr_eq(frame.payload, bytes + FRAME_HEADER_SIZE);
	ck_assert_str_eq(frame_type_name(frame.type), vectors[_i].name);
}
END_TEST

/* The payload of one vector, as the encoders here write it. */
static size_t
make_payload(enum frame_type type, uint8_t out[ROOM])
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

	if (type == FRAME_ERROR)
		return error_encode(out, CODE_AUTH_FAILED,
		    wire_code_text(CODE_AUTH_FAILED));
	if (type == FRAME_READY)
		return ready_encode(out, a_session);
	if (type == FRAME_REFUSED)
		return refused_encode(out, a_session, CODE_TARGET_REFUSED,
		    wire_code_text(CODE_TARGET_REFUSED));
	if (type != FRAME_EARLY)
		return 0;
	wire_put_u64(out, a_session);
	memcpy(out + 8, request, sizeof(request) - 1);
	return 8 + sizeof(request) - 1;
}

START_TEST(vector_encode)
{
	uint8_t want[ROOM], got[ROOM], payload[ROOM];
	size_t want_len = unhex(vectors[_i].hex, want);
	size_t len = make_payload(vectors[_i].type, payload);

	frame_encode_header(got, vectors[_i].type, (uint32_t)len);
	memcpy(got + FRAME_HEADER_SIZE, payload, len);
	ck_assert_uint_eq(FRAME_HEADER_SIZE + len, want_len);
	ck_assert_mem_eq(got, want, want_len);
}
END_TEST

/* Every prefix of a frame asks for more, and never for more than it has. */
START_TEST(every_split)
{
	uint8_t bytes[ROOM];
	size_t len = unhex(vectors[_i].hex, bytes), need;
	enum wire_code code;
	struct frame frame;
	const char *why;

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *part = malloc(cut + 1); /* so that ASan sees its end */

		ck_assert_ptr_nonnull(part);
		memcpy(part, bytes, cut);
		part = realloc(part, cut > 0 ? cut : 1);
		ck_assert_int_eq(frame_decode(part, cut, FRAME_MAX_AFTER_AUTH,
				     &frame, &need, &why, &code),
		    WIRE_MORE);
		ck_assert_uint_gt(need, cut);
		ck_assert_uint_le(need, len);
		free(part);
	}
}
END_TEST

/* All vectors as one stream that comes one byte at a time. */
START_TEST(byte_by_byte)
{
	uint8_t stream[ROOM];
	size_t len = 0, start = 0, seen = 0, need;
	enum wire_code code;
	struct frame frame;
	const char *why;

	for (size_t i = 0; i < COUNT(vectors); i++)
		len += unhex(vectors[i].hex, stream + len);
	for (size_t end = 0; end <= len; end++) {
		enum wire_result got = frame_decode(stream + start, end - start,
		    FRAME_MAX_AFTER_AUTH, &frame, &need, &why, &code);

		ck_assert_int_ne(got, WIRE_BAD);
		if (got == WIRE_MORE)
			continue;
		ck_assert_int_eq(frame.type, vectors[seen].type);
		start += FRAME_HEADER_SIZE + frame.length;
		ck_assert_uint_eq(start, end);
		seen++;
	}
	ck_assert_uint_eq(seen, COUNT(vectors));
	ck_assert_uint_eq(start, len);
}
END_TEST

START_TEST(names)
{
	size_t known = 0;

	for (unsigned type = 0; type < 256; type++)
		if (strcmp(frame_type_name(type), "?") != 0)
			known++;
	ck_assert_uint_eq(known, 21);
	ck_assert_str_eq(frame_type_name(FRAME_FORWARD), "FORWARD");
	ck_assert_str_eq(frame_type_name(FRAME_REGISTERED), "REGISTERED");
	ck_assert_str_eq(frame_type_name(UINT32_MAX), "?");
}
END_TEST

START_TEST(codes)
{
	static const unsigned none[] = { 0, 7, 15, 23, 65535, UINT32_MAX };
	unsigned known = 0;

	for (unsigned code = 0; code < 100; code++)
		known += strcmp(wire_code_text(code), "unknown code") != 0;
	ck_assert_uint_eq(known, 13);
	for (size_t i = 0; i < COUNT(none); i++)
		ck_assert_str_eq(wire_code_text(none[i]), "unknown code");
}
END_TEST

START_TEST(numbers)
{
	uint8_t bytes[9]; /* at an odd address, too */

	wire_put_u16(bytes + 1, 0xfedc);
	ck_assert_mem_eq(bytes + 1, "\xfe\xdc", 2);
	ck_assert_uint_eq(wire_get_u16(bytes + 1), 0xfedc);
	wire_put_u32(bytes + 1, 0xfedcba98);
	ck_assert_mem_eq(bytes + 1, "\xfe\xdc\xba\x98", 4);
	ck_assert_uint_eq(wire_get_u32(bytes + 1), 0xfedcba98);
	wire_put_u64(bytes + 1, 0xfedcba9876543210);
	ck_assert_mem_eq(bytes + 1, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
	ck_assert_uint_eq(wire_get_u64(bytes + 1), 0xfedcba9876543210);
	wire_put_u64(bytes + 1, UINT64_MAX);
	ck_assert_uint_eq(wire_get_u64(bytes + 1), UINT64_MAX);
}
END_TEST

static const struct {
	const char *name;
	enum frame_type type;
	uint32_t length;
	bool want;
} lengths[] = {
	{ "READY empty", FRAME_READY, 0, false },
	{ "READY one short", FRAME_READY, 7, false },
	{ "READY exact", FRAME_READY, 8, true },
	{ "READY one over", FRAME_READY, 9, false },
	{ "REFUSED empty", FRAME_REFUSED, 0, false },
	{ "REFUSED one short", FRAME_REFUSED, 9, false },
	{ "REFUSED without a text", FRAME_REFUSED, 10, true },
	{ "REFUSED, longest text", FRAME_REFUSED, 10 + 255, true },
	{ "REFUSED, a text to cut", FRAME_REFUSED, 10 + 256, true },
	{ "REFUSED of a whole frame", FRAME_REFUSED, 65540, true },
	{ "ERROR empty", FRAME_ERROR, 0, false },
	{ "ERROR one short", FRAME_ERROR, 1, false },
	{ "ERROR without a text", FRAME_ERROR, 2, true },
	{ "ERROR, longest text", FRAME_ERROR, 2 + 255, true },
	{ "ERROR, a text to cut", FRAME_ERROR, 2 + 256, true },
	{ "EARLY empty", FRAME_EARLY, 0, false },
	{ "EARLY one short", FRAME_EARLY, 7, false },
	{ "EARLY of no bytes", FRAME_EARLY, 8, true },
	{ "EARLY at its most", FRAME_EARLY, 8 + 16384, true },
	{ "EARLY one over", FRAME_EARLY, 8 + 16385, false },
};

static bool
decode_any(const struct frame *frame)
{
	struct refusal refusal;
	const uint8_t *early;
	char text[FRAME_TEXT_MAX + 1];
	uint64_t session;
	uint16_t code;
	size_t len;

	if (frame->type == FRAME_READY)
		return ready_decode(frame, &session);
	if (frame->type == FRAME_REFUSED)
		return refused_decode(frame, &refusal) &&
		    strlen(refusal.text) <= FRAME_TEXT_MAX;
	if (frame->type == FRAME_ERROR)
		return error_decode(frame, &code, text) &&
		    strlen(text) <= FRAME_TEXT_MAX;
	return early_decode(frame, &session, &early, &len) &&
	    len == frame->length - 8;
}

START_TEST(payload_length)
{
	uint32_t length = lengths[_i].length;
	uint8_t *payload = malloc(length + 1);
	struct frame frame = { lengths[_i].type, length, payload };

	ck_assert_ptr_nonnull(payload);
	memset(payload, 'x', length + 1);
	ck_assert_msg(decode_any(&frame) == lengths[_i].want, "%s",
	    lengths[_i].name);
	free(payload);
}
END_TEST

static const struct {
	const char *name, *in;
	size_t len;
	const char *want;
} texts[] = {
	{ "none", "", 0, "" },
	{ "plain", "target down", 11, "target down" },
	{ "first and last printable", " ~", 2, " ~" },
	{ "new line and escape", "a\nb\x1b[31m", 8, "a?b?[31m" },
	{ "embedded NUL", "a\0b", 3, "a?b" },
	{ "DEL", "\x7f", 1, "?" },
	{ "UTF-8", "\xc3\xa9", 2, "??" },
	{ "not UTF-8", "\xff\x80", 2, "??" },
};

/* What a peer says lands in the log: ASCII only. */
START_TEST(text_decode)
{
	uint8_t payload[64] = { [7] = 1, [9] = CODE_LIMIT };
	struct frame frame = { FRAME_REFUSED, (uint32_t)(10 + texts[_i].len),
		payload };
	struct refusal refusal;
	char text[FRAME_TEXT_MAX + 1];
	uint16_t code;

	memcpy(payload + 10, texts[_i].in, texts[_i].len);
	ck_assert(refused_decode(&frame, &refusal));
	ck_assert_uint_eq(refusal.session, 1);
	ck_assert_uint_eq(refusal.code, CODE_LIMIT);
	ck_assert_str_eq(refusal.text, texts[_i].want);

	frame.type = FRAME_ERROR;
	frame.payload += 8;
	frame.length -= 8;
	ck_assert(error_decode(&frame, &code, text));
	ck_assert_uint_eq(code, CODE_LIMIT);
	ck_assert_str_eq(text, texts[_i].want);
}
END_TEST

static const struct {
	const char *name, *before_end; /* follows as many 'x' as `fill` says */
	size_t fill, want;
} cuts[] = {
	{ "empty", "", 0, 0 },
	{ "maximum", "", 255, 255 },
	{ "one over", "", 256, 255 },
	{ "a kilobyte", "", 1024, 255 },
	{ "character ends at the cut", "\xc3\xa9y", 253, 255 },
	{ "2-byte character on the cut", "\xc3\xa9", 254, 254 },
	{ "4-byte character on the cut", "\xf0\x9f\x98\x80", 252, 252 },
};

START_TEST(text_encode)
{
	uint8_t refused[REFUSED_MAX], error[ERROR_MAX];
	char text[1100];

	memset(text, 'x', cuts[_i].fill);
	strcpy(text + cuts[_i].fill, cuts[_i].before_end);
	ck_assert_msg(refused_encode(refused, 1, CODE_LIMIT, text) ==
		10 + cuts[_i].want,
	    "%s", cuts[_i].name);
	ck_assert_mem_eq(refused + 10, text, cuts[_i].want);
	ck_assert_msg(error_encode(error, CODE_LIMIT, text) ==
		2 + cuts[_i].want,
	    "%s", cuts[_i].name);
	ck_assert_mem_eq(error + 2, text, cuts[_i].want);
}
END_TEST

Suite *
frame_suite(void)
{
	Suite *suite = suite_create("frame");
	TCase *tc = tcase_create("frame");

	tcase_add_loop_test(tc, head, 0, COUNT(heads));
	tcase_add_loop_test(tc, vector_decode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, vector_encode, 0, COUNT(vectors));
	tcase_add_loop_test(tc, every_split, 0, COUNT(vectors));
	tcase_add_test(tc, byte_by_byte);
	tcase_add_test(tc, names);
	tcase_add_test(tc, codes);
	tcase_add_test(tc, numbers);
	tcase_add_loop_test(tc, payload_length, 0, COUNT(lengths));
	tcase_add_loop_test(tc, text_decode, 0, COUNT(texts));
	tcase_add_loop_test(tc, text_encode, 0, COUNT(cuts));
	suite_add_tcase(suite, tc);
	return suite;
}
