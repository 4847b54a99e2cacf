/* test_httpd_jwt.h - JSON Web Tokens, good and bad. Header, claims and HMAC with
 * SHA-256 were made apart from the library; the clock says 1700000000. */
#ifndef TESTS_HTTPD_JWT_H
#define TESTS_HTTPD_JWT_H

#define JWT_KEY "jwt-key-of-the-tests-0123456789ab"

/* want: part of why not; NULL: it is good. */
static const struct {
	const char *name, *token, *want;
} jwts[] = {
	{ "good",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiZXh"
	    "wIjoxNzAwMDAwMDYwLCJuYmYiOjE2OTk5OTk5NDB9.twvyNugww75Cps"
	    "vGLwmNWEj5kR6eUFFlQLKaGjJvvDY",
	    NULL },
	{ "no times",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIn0.Gdg"
	    "jRYRUsp2NNHMGreqi7T1Q3O04YSkFC1jUBOiWd-Y",
	    NULL },
	{ "expired",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDA"
	    "wMDB9.T_TfDANvniA_Kv0lOKk8R9_RjUOQRryW_45Avmef6K4",
	    "expired" },
	{ "long expired",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjF9.rHlN_b"
	    "q6nR52IMiUljrSduYwPfY3IE8rI-95EyGjdyk",
	    "expired" },
	{ "from now on",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjE3MDAwMDA"
	    "wMDB9.oX-5PnbLN3x4C9V6pu2E2OTfUHH47cHcDU-90aX9snA",
	    NULL },
	{ "not yet",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjE3MDAwMDA"
	    "wMDF9.d4mtV6FWOiZvC9-ZPxrYUO_ebcCBIEFDFCBCw3uVugU",
	    "not yet valid" },
	{ "exp is text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOiI0MDAwMDA"
	    "wMDAwIn0.GYtWjWbl0rcUKapL9dJWwhhZg2LgyHSEHB_C5CIPZ2w",
	    "no whole number" },
	{ "nbf is text",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOiI0MDAwMDA"
	    "wMDAwIn0.JrcE9d35tpM9sbr_Vnt0M1GE8FGgrHwLukDdu5DCogg",
	    "no whole number" },
	{ "exp is true",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOnRydWV9.-3"
	    "JljQVOr8kSxmHjEIO3jDrdunVBY0KfzzjU8WXBCEE",
	    "no whole number" },
	{ "exp is null",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOm51bGx9.MX"
	    "eTGZTcwyul0TSP19A75U-JUWfaSjzH1CrVHGNJxX8",
	    "no whole number" },
	{ "exp is a list",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOlsxNzAwMDA"
	    "wMDA5XX0.0AWQz9Ly-PyZZ8cFMbTsyyYtKuqdHCd-wztQiq8gHcQ",
	    "no whole number" },
	{ "exp has a fraction",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3MDAwMDA"
	    "wMDAuNX0.htp2zYP0aGaVhp9nE8BiQCLJbea27mqXUxEUi7yYg2c",
	    "no whole number" },
	{ "nbf has a fraction",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOjE3MDAwMDA"
	    "wMDAuNX0.BYdRbGL4qcT4oGFJATx58lyBrZvYdJ67w6fHNmUKay0",
	    "no whole number" },
	{ "nbf is true",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJuYmYiOnRydWV9.bm"
	    "759oGK9_aoxKbd3IRgzoKY_O36LaP2XLqMkxhLozE",
	    "no whole number" },
	{ "exp is -1",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOi0xfQ.odKI"
	    "kMCVDf9Hzb-F3xP974B2YsBjV2LRG2dnoWZ4T18",
	    "no whole number" },
	{ "exp is far",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjEwMDAwMDA"
	    "wMDAwMDAwMDAwMDB9.WScCz7LTPxFD9blLIztFi2Vh6hj-tKrjEM4Hqe"
	    "Zyt8g",
	    NULL },
	{ "claims are a list",
	    "eyJhbGciOiJIUzI1NiJ9.WzEsMl0.hkUXEFSN-2N5kg0bXGpyYOtqUq"
	    "z6-xyNiLrQEK68rUU",
	    "no object" },
	{ "other key",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIn0.Uvv"
	    "hNVGlatWS7sDgOC8AMqzTkZtoBrKr3LYSJ5mVJBs",
	    "not signed" },
	{ "alg none", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhIn0.",
	    "signed" },
	{ "alg none with a signature",
	    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJhIn0.eo15"
	    "0FLt_GDZRgNzzWXbFOHK2SvZEFq8qaaWxexzuvU",
	    "signed" },
	{ "alg None", "eyJhbGciOiJOb25lIn0.eyJzdWIiOiJhIn0.", "signed" },
	{ "HS512",
	    "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIn0.Aj2"
	    "pFcJ7g_QeQi51vtBPe_h3L8smOE2HQ2SRuP4EUccVDHC1F39cFZ8nLSD"
	    "XAQL1PlYpuKfZ_I5oSzvX_SdaqA",
	    "signed" },
	{ "no alg",
	    "eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhIn0.-l_WsJvdTGpeNVTSOBiri"
	    "NMTSj8FFCGjmqxfEjmyN-A",
	    "signed" },
	{ "no signature",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiZXh"
	    "wIjoxNzAwMDAwMDYwLCJuYmYiOjE2OTk5OTk5NDB9.",
	    "signed" },
	{ "two parts",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIiwiZXh"
	    "wIjoxNzAwMDAwMDYwLCJuYmYiOjE2OTk5OTk5NDB9",
	    "signed" },
	{ "changed",
	    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJAdWIiOiJhIiwiZXh"
	    "wIjoxNzAwMDAwMDYwLCJuYmYiOjE2OTk5OTk5NDB9.twvyNugww75Cps"
	    "vGLwmNWEj5kR6eUFFlQLKaGjJvvDY",
	    "signed" },
	{ "no JSON", "e30x.e30.AAAA", "signed" },
	{ "empty", "..", "signed" },
};

#endif
