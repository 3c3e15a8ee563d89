// The bindings of a process as bytes, for a file that outlives it, and back.
//
// Why      A restarted proxy goes on where it was, without asking any pod.
// Bounds   Reading takes memory in proportion to the bytes that are there, whatever they claim.
// Time     Milliseconds of the wall clock: the only clock that two processes share.
// Errors   Bytes that are not exactly what encode_state() gives, an older or newer form among them,
//          are an Error whose detail is a sentence's end: "the state is cut short".
//
// Form, all numbers little-endian, a text as its length (u32) and its bytes:
//
//   "RINGSIDE", version (u32), pools (u32), each:
//     name (text), table seed (u64), owners (u32), each a text, sessions (u32), each:
//       key (u64 low, u64 high), digest (u64), owner (u32: index, or ffffffff), path hash (u32),
//       when (u64), created (u64), standing (u8: 1 bound, 2 deleted), provisional (u8),
//       length of the client's address (u8: 0, 4, 16) and its bytes (16, zeros behind)
//   XXH3-64 of all of that (u64)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "session/binding.h"

namespace ringside::session {

inline constexpr std::uint32_t kNoSavedOwner = UINT32_MAX;  // of a tombstone

// The latest time that a state may name: the end of the year 9999.
inline constexpr std::uint64_t kLatestSavedMs = 253'402'300'799'999;

struct SavedSession {
  Key key;
  std::uint64_t digest = 0;
  std::uint32_t owner = kNoSavedOwner;  // index into SavedPool::owners
  std::uint32_t path_hash = 0;
  std::uint64_t when_ms = 0;  // bound: its last use; deleted: when its tombstone lapses
  std::uint64_t created_ms = 0;
  Standing standing = Standing::bound;  // or deleted, which needs no owner
  bool provisional = false;
  Address client;  // without a port

  friend bool operator==(const SavedSession&, const SavedSession&) = default;
};

struct SavedPool {
  std::string name;
  std::uint64_t table_seed = 0;     // the keys are of a table of this seed
  std::vector<std::string> owners;  // names of endpoints
  std::vector<SavedSession> sessions;

  friend bool operator==(const SavedPool&, const SavedPool&) = default;
};

// Requires: sessions as SavedSession says, and as a state may have them.
std::string encode_state(std::span<const SavedPool> pools);

Result<std::vector<SavedPool>> decode_state(std::string_view bytes);

}  // namespace ringside::session
