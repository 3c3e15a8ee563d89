#include "base/digest.h"

#include <catch2/catch_test_macros.hpp>

namespace ringside {
namespace {

// As printf %s "$ID" | sha256sum | cut -c1-16 has it.
TEST_CASE("digest: it is the beginning of what sha256sum prints") {
  CHECK(digest_text(session_digest("abc")) == "ba7816bf8f01cfea");
  CHECK(digest_text(session_digest("")) == "e3b0c44298fc1c14");
  CHECK(digest_text(session_digest("2c3a6f1e-8d0f-4d39-9a0c-6a2f5a1f1f60")) == "9406db40cc06dcdf");
}

TEST_CASE("digest: the text has sixteen digits, leading zeros too") {
  CHECK(digest_text(0) == "0000000000000000");
  CHECK(digest_text(0xabc) == "0000000000000abc");
  CHECK(digest_text(UINT64_MAX) == "ffffffffffffffff");
}

}  // namespace
}  // namespace ringside
