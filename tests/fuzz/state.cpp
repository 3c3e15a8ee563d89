// The state file.
//
// Input      What stands between the head of a state file and its checksum; also taken as a whole
//            file.
// Invariants What is read is exactly what would be written: no two files say the same. Damage to
//            one byte is noticed.
#include "session/state_codec.h"

#include "fuzz.h"

namespace ringside::fuzz {
namespace {

// With a right head and checksum, so that the fuzzer need not guess them.
std::string framed(std::string_view body) {
  std::string bytes("RINGSIDE\1\0\0\0", 12);
  bytes += body;
  const std::uint64_t sum = hash64(bytes, 0);
  for (unsigned shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(sum >> shift);
  return bytes;
}

void check_file(std::string_view bytes) {
  const auto pools = session::decode_state(bytes);
  if (!pools) {
    check(!pools.error().detail.empty(), "a refusal has words");
    return;
  }
  check(session::encode_state(*pools) == bytes, "what is read is what would be written");
}

void check_damage(std::string bytes, Random& random) {
  flip_a_bit(bytes[random.below(static_cast<std::uint32_t>(bytes.size()))], random);
  check(!session::decode_state(bytes), "damage is noticed");
}

}  // namespace
}  // namespace ringside::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ringside::fuzz;
  const std::string_view input = as_text(data, size);
  auto random = random_for(input);
  check_file(input);
  check_file(framed(input));
  check_damage(framed(input), random);
  return 0;
}
