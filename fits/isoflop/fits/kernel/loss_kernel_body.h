// The kernel itself, compiled once per instruction set: the including file has set the target and included <array>,
// <cstddef>, <type_traits> and <immintrin.h> before. Everything is local to that file, so no two instruction sets share
// a symbol. Eight runs are one AVX-512, two AVX or four SSE2 registers; sums are taken in the same order in each.
#define ISOFLOP_INLINE inline __attribute__((always_inline))

namespace isoflop::fits::kernel {
namespace {

// One register of the machine, and the integers of the same bits.
#if ISOFLOP_SIMD_BITS == 512
constexpr int register_bytes = 64;
#elif ISOFLOP_SIMD_BITS == 256
constexpr int register_bytes = 32;
#else
constexpr int register_bytes = 16;
#endif
typedef double Register __attribute__((vector_size(register_bytes)));
typedef long long RegisterBits __attribute__((vector_size(register_bytes)));

ISOFLOP_INLINE Register fused(Register a, Register b, Register c) {
#if ISOFLOP_SIMD_BITS == 512
  return _mm512_fmadd_pd(a, b, c);
#elif ISOFLOP_SIMD_BITS == 256
  return _mm256_fmadd_pd(a, b, c);
#else
  return a * b + c;
#endif
}
ISOFLOP_INLINE Register if_greater(Register a, Register b, Register yes, Register no) { return a > b ? yes : no; }
ISOFLOP_INLINE Register if_equal(Register a, Register b, Register yes, Register no) { return a == b ? yes : no; }
ISOFLOP_INLINE Register fill(double x, const Register*) { return x - Register{}; }
ISOFLOP_INLINE RegisterBits fill_bits(long long x, const Register*) { return x - RegisterBits{}; }
ISOFLOP_INLINE RegisterBits bits(Register v) { return reinterpret_cast<RegisterBits>(v); }
ISOFLOP_INLINE Register from_bits(RegisterBits v) { return reinterpret_cast<Register>(v); }

// Two of the same, as one: narrow machines take several registers for the eight runs. (g++ 12 would lower arithmetic
// on over-wide vectors to single numbers.)
template <typename Half>
struct Pair {
  Half low, high;
};
#define ISOFLOP_PAIR_OPERATOR(op)                                     \
  template <typename Half>                                            \
  ISOFLOP_INLINE Pair<Half> operator op(Pair<Half> a, Pair<Half> b) { \
    return {a.low op b.low, a.high op b.high};                        \
  }
ISOFLOP_PAIR_OPERATOR(+)
ISOFLOP_PAIR_OPERATOR(-)
ISOFLOP_PAIR_OPERATOR(*)
ISOFLOP_PAIR_OPERATOR(/)
ISOFLOP_PAIR_OPERATOR(&)
ISOFLOP_PAIR_OPERATOR(|)
#undef ISOFLOP_PAIR_OPERATOR
template <typename Half>
ISOFLOP_INLINE Pair<Half> operator-(Pair<Half> a) {
  return {-a.low, -a.high};
}
template <typename Half>
ISOFLOP_INLINE Pair<Half>& operator+=(Pair<Half>& a, Pair<Half> b) {
  return a = a + b;
}
template <typename Half>
ISOFLOP_INLINE Pair<Half>& operator-=(Pair<Half>& a, Pair<Half> b) {
  return a = a - b;
}
template <typename Half>
ISOFLOP_INLINE Pair<Half> operator<<(Pair<Half> a, int places) {
  return {a.low << places, a.high << places};
}
template <typename Half>
ISOFLOP_INLINE Pair<Half> operator>>(Pair<Half> a, int places) {
  return {a.low >> places, a.high >> places};
}
template <typename Half>
ISOFLOP_INLINE Pair<Half> fused(Pair<Half> a, Pair<Half> b, Pair<Half> c) {
  return {fused(a.low, b.low, c.low), fused(a.high, b.high, c.high)};
}
template <typename Half>
ISOFLOP_INLINE Pair<Half> if_greater(Pair<Half> a, Pair<Half> b, Pair<Half> yes, Pair<Half> no) {
  return {if_greater(a.low, b.low, yes.low, no.low), if_greater(a.high, b.high, yes.high, no.high)};
}
template <typename Half>
ISOFLOP_INLINE Pair<Half> if_equal(Pair<Half> a, Pair<Half> b, Pair<Half> yes, Pair<Half> no) {
  return {if_equal(a.low, b.low, yes.low, no.low), if_equal(a.high, b.high, yes.high, no.high)};
}
template <typename Half>
ISOFLOP_INLINE Pair<Half> fill(double x, const Pair<Half>*) {
  const Half half = fill(x, static_cast<const Half*>(nullptr));
  return {half, half};
}
template <typename Half>
ISOFLOP_INLINE auto fill_bits(long long x, const Pair<Half>*) {
  const auto half = fill_bits(x, static_cast<const Half*>(nullptr));
  return Pair<std::remove_const_t<decltype(half)>>{half, half};
}
template <typename Half>
ISOFLOP_INLINE auto bits(Pair<Half> v) {
  return Pair<decltype(bits(v.low))>{bits(v.low), bits(v.high)};
}
template <typename Half>
ISOFLOP_INLINE auto from_bits(Pair<Half> v) {
  return Pair<decltype(from_bits(v.low))>{from_bits(v.low), from_bits(v.high)};
}

#if ISOFLOP_SIMD_BITS == 512
typedef Register Vec;
#elif ISOFLOP_SIMD_BITS == 256
typedef Pair<Register> Vec;
#else
typedef Pair<Pair<Register>> Vec;
#endif

ISOFLOP_INLINE Vec load(const double* p) { return *reinterpret_cast<const Vec*>(p); }
ISOFLOP_INLINE void store(double* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
ISOFLOP_INLINE Vec all(double x) { return fill(x, static_cast<const Vec*>(nullptr)); }
ISOFLOP_INLINE auto all_bits(long long x) { return fill_bits(x, static_cast<const Vec*>(nullptr)); }
ISOFLOP_INLINE Vec fma(Vec a, Vec b, Vec c) { return fused(a, b, c); }
inline double total(Vec v) {
  alignas(64) double x[lanes];
  store(x, v);
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

// exp for |x| <= 300, relative error about 2e-16: 2^i times a Taylor polynomial on [-ln 2 / 2, ln 2 / 2].
ISOFLOP_INLINE Vec exp_of(Vec x) {
  const Vec limit = all(300);
  x = if_greater(x, limit, limit, x);
  x = if_greater(-limit, x, -limit, x);
  const Vec shift = all(0x1.8p52);
  const Vec t = fma(x, all(1.4426950408889634), shift);  // low mantissa bits: the integer nearest x / ln 2
  const Vec i = t - shift;
  Vec r = fma(i, all(-0x1.62e42fee00000p-1), x);  // ln 2 in two parts, the first with trailing zeros
  r = fma(i, all(-0x1.a39ef35793c76p-33), r);
  Vec p = all(1.0 / 6227020800.0);
  p = fma(p, r, all(1.0 / 479001600.0));
  p = fma(p, r, all(1.0 / 39916800.0));
  p = fma(p, r, all(1.0 / 3628800.0));
  p = fma(p, r, all(1.0 / 362880.0));
  p = fma(p, r, all(1.0 / 40320.0));
  p = fma(p, r, all(1.0 / 5040.0));
  p = fma(p, r, all(1.0 / 720.0));
  p = fma(p, r, all(1.0 / 120.0));
  p = fma(p, r, all(1.0 / 24.0));
  p = fma(p, r, all(1.0 / 6.0));
  p = fma(p, r, all(0.5));
  p = fma(p, r * r, r) + all(1.0);
  return p * from_bits((bits(t) << 52) + all_bits(1023LL << 52));
}

// ln of positive normal numbers, relative error about 3e-16 even near 1, and 1 / divisor by the same division:
// x = 2^i m with m in [sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1) / (m + 1)).
ISOFLOP_INLINE Vec log_and_inverse(Vec x, Vec divisor, Vec& inverse) {
  const long long root_half = 0x3fe6a09e667f3bcdLL;
  const auto u = bits(x) + all_bits(0x3ff0000000000000LL - root_half);
  const Vec i =
      from_bits(((u >> 52) & all_bits(0xfff)) | all_bits(0x4330000000000000LL)) - all(4503599627370496.0 + 1023.0);
  const Vec m = from_bits((u & all_bits(0x000fffffffffffffLL)) + all_bits(root_half));
  const Vec f = m - all(1.0), sum = f + all(2.0);
  const Vec joint = all(1.0) / (sum * divisor);
  inverse = joint * sum;
  const Vec s = f * (joint * divisor);
  const Vec z = s * s;
  Vec p = all(2.0 / 21);
  p = fma(p, z, all(2.0 / 19));
  p = fma(p, z, all(2.0 / 17));
  p = fma(p, z, all(2.0 / 15));
  p = fma(p, z, all(2.0 / 13));
  p = fma(p, z, all(2.0 / 11));
  p = fma(p, z, all(2.0 / 9));
  p = fma(p, z, all(2.0 / 7));
  p = fma(p, z, all(2.0 / 5));
  p = fma(p, z, all(2.0 / 3));
  const Vec ln_m = fma(p, z * s, s + s);
  return fma(i, all(0x1.62e42fefa39efp-1), fma(i, all(0x1.abc9e3b39803fp-56), ln_m));
}

// Huber's function of r with its first and second derivative, all times the run's weight.
struct Huber {
  Vec value, first, second;
};

ISOFLOP_INLINE Huber huber(Vec r, Vec weight, Vec delta, Vec overestimate) {
  const Vec psi = if_greater(r, delta, delta, if_greater(-delta, r, -delta, r));
  const Vec w = if_greater(r, all(0.0), weight * overestimate, weight);
  const Vec first = w * psi;
  return {first * fma(all(-0.5), psi, r), first, if_equal(r, psi, w, all(0.0))};
}

template <bool Coupled, bool Raw>
void evaluate(const Rows& rows, const double* theta, const Penalty& penalty, Sums& sums) {
  const Vec ln_a = all(theta[0]), ln_b = all(theta[1]), alpha = all(theta[3]), beta = all(theta[4]);
  const Vec floor = exp_of(all(theta[2]));
  const Vec k = all(theta[5]), delta = all(penalty.delta), over = all(penalty.overestimate);
  const Vec zero = all(0.0);
  Vec objective = zero;
  Vec ga = zero, gb = zero, ge = zero, gx = zero, gy = zero, gk = zero;
  Vec aa = zero, ab = zero, ae = zero, bb = zero, be = zero, ee = zero, ak = zero, bk = zero, ek = zero, kk = zero;
  Vec xa = zero, xb = zero, xe = zero, xx = zero, xk = zero, ya = zero, yb = zero, ye = zero, yy = zero, yk = zero,
      xy = zero;
  for (std::size_t g = 0; g < rows.groups; ++g) {
    const Vec n = load(rows.ln_n + g * lanes), d = load(rows.ln_d + g * lanes);
    const Vec weight = load(rows.weight + g * lanes);
    const Vec loss = load(rows.loss + g * lanes), inverse_loss = load(rows.inverse_loss + g * lanes);
    const Vec term_n = exp_of(fma(-alpha, n, ln_a)), term_d = exp_of(fma(-beta, d, ln_b));
    // Derivatives of r by ln A, ln B, ln E, k, and the second derivatives.
    Vec r, ra, rb, re, rk, raa, rab, rae, rbb, rbe, ree, rak, rbk, rek, rkk;
    if constexpr (!Coupled) {
      const Vec s = term_n + term_d + floor;
      if constexpr (Raw) {
        r = s - loss;
        ra = term_n, rb = term_d, re = floor;
        raa = ra, rbb = rb, ree = re, rab = rae = rbe = zero;
      } else {
        Vec inverse;
        r = log_and_inverse(s * inverse_loss, s, inverse);
        ra = term_n * inverse, rb = term_d * inverse, re = floor * inverse;
        raa = ra - ra * ra, rbb = rb - rb * rb, ree = re - re * re;
        rab = -ra * rb, rae = -ra * re, rbe = -rb * re;
      }
    } else {
      const Vec sum = term_n + term_d;
      Vec over_sum;
      const Vec u = log_and_inverse(sum, sum, over_sum);
      const Vec inner = exp_of(k * u), s = inner + floor;
      const Vec pa = term_n * over_sum, pb = term_d * over_sum;
      // q: d r / d ln(inner); curvature c: its derivative; both for the chosen residual.
      Vec q, c;
      if constexpr (Raw) {
        r = s - loss;
        q = inner, c = inner, re = floor, ree = floor, rae = rbe = rek = zero;
      } else {
        Vec inverse;
        r = log_and_inverse(s * inverse_loss, s, inverse);
        q = inner * inverse, re = floor * inverse, c = q * re, ree = c;
        rae = -c * k * pa, rbe = -c * k * pb, rek = -c * u;
      }
      ra = q * k * pa, rb = q * k * pb, rk = q * u;
      raa = c * k * k * pa * pa + q * k * (pa - pa * pa);
      rbb = c * k * k * pb * pb + q * k * (pb - pb * pb);
      rab = c * k * k * pa * pb - q * k * pa * pb;
      rak = c * u * k * pa + q * pa;
      rbk = c * u * k * pb + q * pb;
      rkk = c * u * u;
    }
    const Huber h = huber(r, weight, delta, over);
    objective += h.value;
    const Vec fa = h.first * ra, fb = h.first * rb;
    ga += fa;
    gb += fb;
    ge = fma(h.first, re, ge);
    gx = fma(-n, fa, gx);
    gy = fma(-d, fb, gy);
    const Vec sa = h.second * ra, sb = h.second * rb;
    const Vec haa = fma(sa, ra, h.first * raa), hab = fma(sa, rb, h.first * rab), hae = fma(sa, re, h.first * rae);
    const Vec hbb = fma(sb, rb, h.first * rbb), hbe = fma(sb, re, h.first * rbe);
    aa += haa;
    ab += hab;
    ae += hae;
    bb += hbb;
    be += hbe;
    ee += fma(h.second * re, re, h.first * ree);
    const Vec nhaa = n * haa, nhab = n * hab, dhbb = d * hbb;
    xa -= nhaa;
    xb -= nhab;
    xe = fma(-n, hae, xe);
    xx = fma(n, nhaa, xx);
    xy = fma(d, nhab, xy);
    ya = fma(-d, hab, ya);
    yb -= dhbb;
    ye = fma(-d, hbe, ye);
    yy = fma(d, dhbb, yy);
    if constexpr (Coupled) {
      gk = fma(h.first, rk, gk);
      const Vec hak = fma(sa, rk, h.first * rak), hbk = fma(sb, rk, h.first * rbk);
      ak += hak;
      bk += hbk;
      ek += fma(h.second * re, rk, h.first * rek);
      kk += fma(h.second * rk, rk, h.first * rkk);
      xk = fma(-n, hak, xk);
      yk = fma(-d, hbk, yk);
    }
  }
  sums.objective = total(objective);
  sums.gradient = {total(ga), total(gb), total(ge), total(gx), total(gy), Coupled ? total(gk) : 0};
  sums.hessian = {total(aa),
                  total(ab),
                  total(ae),
                  total(xa),
                  total(ya),
                  Coupled ? total(ak) : 0,
                  total(bb),
                  total(be),
                  total(xb),
                  total(yb),
                  Coupled ? total(bk) : 0,
                  total(ee),
                  total(xe),
                  total(ye),
                  Coupled ? total(ek) : 0,
                  total(xx),
                  total(xy),
                  Coupled ? total(xk) : 0,
                  total(yy),
                  Coupled ? total(yk) : 0,
                  Coupled ? total(kk) : 0};
}

template <bool Raw>
void evaluate_cell(const Rows& rows, const double* p, const double* q, const double* ln_abe, const Penalty& penalty,
                   CellSums& sums) {
  const Vec a = exp_of(all(ln_abe[0])), b = exp_of(all(ln_abe[1])), floor = exp_of(all(ln_abe[2]));
  const Vec delta = all(penalty.delta), over = all(penalty.overestimate), zero = all(0.0);
  Vec objective = zero, ga = zero, gb = zero, ge = zero;
  Vec aa = zero, ab = zero, ae = zero, bb = zero, be = zero, ee = zero;
  for (std::size_t g = 0; g < rows.groups; ++g) {
    const Vec weight = load(rows.weight + g * lanes);
    const Vec loss = load(rows.loss + g * lanes), inverse_loss = load(rows.inverse_loss + g * lanes);
    const Vec term_n = a * load(p + g * lanes), term_d = b * load(q + g * lanes);
    const Vec s = term_n + term_d + floor;
    Vec r, ra, rb, re;
    if constexpr (Raw) {
      r = s - loss;
      ra = term_n, rb = term_d, re = floor;
    } else {
      Vec inverse;
      r = log_and_inverse(s * inverse_loss, s, inverse);
      ra = term_n * inverse, rb = term_d * inverse, re = floor * inverse;
    }
    const Huber h = huber(r, weight, delta, over);
    objective += h.value;
    const Vec fa = h.first * ra, fb = h.first * rb, fe = h.first * re;
    ga += fa;
    gb += fb;
    ge += fe;
    const Vec second = Raw ? h.second : h.second - h.first;  // ln s bends down: d2r = diag(z) - z z'
    const Vec sa = second * ra, sb = second * rb;
    aa += fma(sa, ra, fa);
    ab = fma(sa, rb, ab);
    ae = fma(sa, re, ae);
    bb += fma(sb, rb, fb);
    be = fma(sb, re, be);
    ee += fma(second * re, re, fe);
  }
  sums.objective = total(objective);
  sums.gradient = {total(ga), total(gb), total(ge)};
  sums.hessian = {total(aa), total(ab), total(ae), total(bb), total(be), total(ee)};
}

void normal_equations(const Rows& rows, const double* p, const double* q, NormalSums& sums) {
  const Vec zero = all(0.0);
  Vec pp = zero, pq = zero, pe = zero, qq = zero, qe = zero, ee = zero, p1 = zero, q1 = zero, e1 = zero, w1 = zero;
  for (std::size_t g = 0; g < rows.groups; ++g) {
    const Vec inverse = load(rows.inverse_loss + g * lanes), weight = load(rows.weight + g * lanes);
    const Vec u = load(p + g * lanes) * inverse, v = load(q + g * lanes) * inverse;
    const Vec wu = weight * u, wv = weight * v, we = weight * inverse;
    pp = fma(wu, u, pp);
    pq = fma(wu, v, pq);
    pe = fma(wu, inverse, pe);
    qq = fma(wv, v, qq);
    qe = fma(wv, inverse, qe);
    ee = fma(we, inverse, ee);
    p1 += wu;
    q1 += wv;
    e1 += we;
    w1 += weight;
  }
  sums.s = {total(pp), total(pq), total(pe), total(qq), total(qe),
            total(ee), total(p1), total(q1), total(e1), total(w1)};
}

void decay(const double* x, std::size_t groups, double exponent, double* out) {
  for (std::size_t g = 0; g < groups; ++g) store(out + g * lanes, exp_of(all(-exponent) * load(x + g * lanes)));
}

void log_all(const double* x, std::size_t groups, double* out) {
  Vec unused;
  for (std::size_t g = 0; g < groups; ++g)
    store(out + g * lanes, log_and_inverse(load(x + g * lanes), all(1.0), unused));
}

void fill_variant(Variant& variant) {
  variant.evaluate[0][0] = evaluate<false, false>;
  variant.evaluate[0][1] = evaluate<false, true>;
  variant.evaluate[1][0] = evaluate<true, false>;
  variant.evaluate[1][1] = evaluate<true, true>;
  variant.evaluate_cell[0] = evaluate_cell<false>;
  variant.evaluate_cell[1] = evaluate_cell<true>;
  variant.normal_equations = normal_equations;
  variant.decay = decay;
  variant.log_of = log_all;
}

}  // namespace
}  // namespace isoflop::fits::kernel
