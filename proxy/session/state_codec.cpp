// Bytes are written in one direction and read in the same; what is read is believed only as far as
// bytes are left.
#include "session/state_codec.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/hash.h"

namespace ringside::session {
namespace {

constexpr std::string_view kMagic = "RINGSIDE";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kChecksumSeed = 0;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kHostBytes = 16;

// The least that one of a kind takes: a count above what is left over this is a lie.
constexpr std::size_t kPoolBytes = 4 + 8 + 4 + 4;
constexpr std::size_t kOwnerBytes = 4;
constexpr std::size_t kSessionBytes = 16 + 8 + 4 + 4 + 8 + 8 + 1 + 1 + 1 + kHostBytes;

constexpr std::uint8_t kBound = 1;
constexpr std::uint8_t kDeleted = 2;

class Writer {
 public:
  template <class Number>
  void number(Number value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
      bytes_.push_back(static_cast<char>((value >> (8 * i)) & 0xffU));
    }
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
  }
  void raw(std::string_view value) { bytes_ += value; }
  void reserve(std::size_t size) { bytes_.reserve(size); }
  std::string take() { return std::move(bytes_); }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Once something is missing, everything after it reads as nothing.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  template <class Number>
  Number number() {
    Number value = 0;
    const std::string_view bytes = raw(sizeof value);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      value = static_cast<Number>(
          value | static_cast<Number>(static_cast<Number>(static_cast<unsigned char>(bytes[i]))
                                      << (8 * i)));
    }
    return value;
  }
  std::string_view text() { return raw(number<std::uint32_t>()); }
  // How many follow, each of at least `least` bytes.
  std::size_t count(std::size_t least) {
    const std::size_t claimed = number<std::uint32_t>();
    if (claimed > left_.size() / least) ok_ = false;
    return ok_ ? claimed : 0;
  }
  std::string_view raw(std::size_t size) {
    if (size > left_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view bytes = left_.substr(0, size);
    left_.remove_prefix(size);
    return bytes;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

// nullopt for what host_bytes() never gives, or bytes that are not zero behind it.
std::optional<Address> address_of(std::size_t length, std::string_view bytes) {
  if (length > bytes.size() || bytes.find_first_not_of('\0', length) != std::string_view::npos) {
    return std::nullopt;
  }
  const Address address = Address::from_host_bytes(bytes.substr(0, length));
  if (address.host_bytes().size() != length) return std::nullopt;
  return address;
}

void write_session(Writer& out, const SavedSession& session) {
  out.number(session.key.hash.low);
  out.number(session.key.hash.high);
  out.number(session.digest);
  out.number(session.owner);
  out.number(session.path_hash);
  out.number(session.when_ms);
  out.number(session.created_ms);
  out.number(session.standing == Standing::bound ? kBound : kDeleted);
  out.number(static_cast<std::uint8_t>(session.provisional));
  const std::string_view host = session.client.host_bytes();
  out.number(static_cast<std::uint8_t>(host.size()));
  out.raw(host);
  out.raw(std::string(kHostBytes - host.size(), '\0'));
}

// nullopt for what no state has.
std::optional<SavedSession> read_session(Reader& in, std::size_t owners) {
  SavedSession session;
  session.key.hash.low = in.number<std::uint64_t>();
  session.key.hash.high = in.number<std::uint64_t>();
  session.digest = in.number<std::uint64_t>();
  session.owner = in.number<std::uint32_t>();
  session.path_hash = in.number<std::uint32_t>();
  session.when_ms = in.number<std::uint64_t>();
  session.created_ms = in.number<std::uint64_t>();
  const auto standing = in.number<std::uint8_t>();
  const auto provisional = in.number<std::uint8_t>();
  const auto length = in.number<std::uint8_t>();
  const auto client = address_of(length, in.raw(kHostBytes));
  if (!client || provisional > 1) return std::nullopt;
  if (std::max(session.when_ms, session.created_ms) > kLatestSavedMs) return std::nullopt;
  if (standing != kBound && standing != kDeleted) return std::nullopt;
  session.standing = standing == kBound ? Standing::bound : Standing::deleted;
  session.provisional = provisional == 1;
  session.client = *client;
  const bool needs_owner = standing == kBound;
  if (needs_owner ? session.owner >= owners : session.owner != kNoSavedOwner) return std::nullopt;
  return session;
}

std::unexpected<Error> cut_short() { return fail("the state is cut short"); }

Result<SavedPool> read_pool(Reader& in) {
  SavedPool pool;
  pool.name = in.text();
  pool.table_seed = in.number<std::uint64_t>();
  const std::size_t owners = in.count(kOwnerBytes);
  for (std::size_t i = 0; i < owners && in.ok(); ++i) pool.owners.emplace_back(in.text());
  const std::size_t sessions = in.count(kSessionBytes);
  pool.sessions.reserve(sessions);
  for (std::size_t i = 0; i < sessions && in.ok(); ++i) {
    const auto session = read_session(in, pool.owners.size());
    if (!session) return fail("the state has a session that cannot be");
    pool.sessions.push_back(*session);
  }
  if (!in.ok()) return cut_short();
  return pool;
}

}  // namespace

std::string encode_state(std::span<const SavedPool> pools) {
  Writer out;
  std::size_t sessions = 0;
  for (const SavedPool& pool : pools) sessions += pool.sessions.size();
  out.reserve(sessions * kSessionBytes + 4096);
  out.raw(kMagic);
  out.number(kVersion);
  out.number(static_cast<std::uint32_t>(pools.size()));
  for (const SavedPool& pool : pools) {
    out.text(pool.name);
    out.number(pool.table_seed);
    out.number(static_cast<std::uint32_t>(pool.owners.size()));
    for (const std::string& owner : pool.owners) out.text(owner);
    out.number(static_cast<std::uint32_t>(pool.sessions.size()));
    for (const SavedSession& session : pool.sessions) write_session(out, session);
  }
  out.number(hash64(out.bytes(), kChecksumSeed));
  return out.take();
}

Result<std::vector<SavedPool>> decode_state(std::string_view bytes) {
  Reader head(bytes);
  if (head.raw(kMagic.size()) != kMagic) return fail("it is not a state file of Ringside");
  const auto version = head.number<std::uint32_t>();
  if (!head.ok() || bytes.size() < kMagic.size() + sizeof version + kChecksumBytes) {
    return cut_short();
  }
  if (version != kVersion) {
    return fail("it is of version " + std::to_string(version) + ", and this program reads " +
                std::to_string(kVersion));
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  Reader tail(bytes.substr(body.size()));
  if (tail.number<std::uint64_t>() != hash64(body, kChecksumSeed)) {
    return fail("its checksum is wrong: it is damaged");
  }
  Reader in(body.substr(kMagic.size() + sizeof version));
  const std::size_t count = in.count(kPoolBytes);
  if (!in.ok()) return cut_short();
  std::vector<SavedPool> pools;
  for (std::size_t i = 0; i < count; ++i) {
    auto pool = read_pool(in);
    if (!pool) return std::unexpected(pool.error());
    pools.push_back(std::move(*pool));
  }
  if (!in.at_end()) return fail("the state has bytes behind its end");
  return pools;
}

}  // namespace ringside::session
