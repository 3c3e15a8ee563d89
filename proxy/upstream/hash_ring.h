// A consistent-hash ring: many points an endpoint, a key belongs to the next point clockwise.
//
// Source   Karger et al. 1997; points as ketama lays them, hashed by XXH3 instead of MD5: point i
//          of an endpoint is hash64(name + "#" + i, seed). Two proxies with the same endpoint
//          names, weights and options build the same ring.
// Bounds   points x weight per endpoint; 16 bytes a point.
// Time     Building sorts all points; finding an owner is one binary search.
// Threads  Immutable after construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "upstream/options.h"

namespace ringside::upstream {

class HashRing {
 public:
  struct Member {
    std::string_view name;
    std::uint32_t weight;  // 0: no points, never visited
  };
  struct Point {
    std::uint64_t hash;
    std::uint32_t member;  // index into the members given
  };

  // The members' order decides their indices, not their places.
  HashRing(std::span<const Member> members, const RingOptions& options);

  // The hash under which a key (a session id, a client's identity) is looked for.
  std::uint64_t hash_of(std::string_view key) const;

  // Visits each member once, clockwise from `hash`, until `visit(member)` returns true; returns
  // that member, or size() when none did. A point at `hash` itself comes first. Allocates nothing
  // for up to 64 members, nor, among more, for the first one visited.
  template <class Visit>
  std::size_t walk(std::uint64_t hash, Visit&& visit) const;

  std::size_t size() const { return members_; }
  std::span<const Point> points() const { return points_; }

 private:
  // Which members a walk has met.
  class Met {
   public:
    explicit Met(std::size_t members) : members_(members) {}

    // True the first time.
    bool add(std::size_t member) {
      if (members_ <= 64) {
        const std::uint64_t bit = std::uint64_t{1} << member;
        const bool is_new = (few_ & bit) == 0;
        few_ |= bit;
        return is_new;
      }
      if (many_.empty()) many_.resize(members_);
      if (many_[member]) return false;
      many_[member] = true;
      return true;
    }

   private:
    std::size_t members_;
    std::uint64_t few_ = 0;
    std::vector<bool> many_;
  };

  // The first point at or after `hash`. Requires: there are points.
  std::size_t first_at(std::uint64_t hash) const;

  std::vector<Point> points_;  // by hash; of equal hashes the first by name
  std::size_t members_ = 0;
  std::size_t members_with_points_ = 0;
  std::uint64_t seed_ = 0;
};

template <class Visit>
std::size_t HashRing::walk(std::uint64_t hash, Visit&& visit) const {
  if (points_.empty()) return members_;
  std::size_t at = first_at(hash);
  const std::size_t owner = points_[at].member;
  if (visit(owner)) return owner;  // nearly always: without the memory of who was met
  Met met(members_);
  met.add(owner);
  for (std::size_t left = members_with_points_ - 1; left > 0;) {
    at = at + 1 == points_.size() ? 0 : at + 1;
    const std::size_t member = points_[at].member;
    if (!met.add(member)) continue;
    if (visit(member)) return member;
    --left;
  }
  return members_;
}

}  // namespace ringside::upstream
