// What the trainer does besides products of matrices, in bf16, each in one pass over memory: kernels.py says what.
#include <torch/extension.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

using torch::Tensor;
using bits = std::uint16_t;

inline float widen(bits b) {
  const std::uint32_t u = std::uint32_t(b) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}
inline bits narrow(float f) {  // to nearest, ties to even; no NaN comes here
  std::uint32_t u;
  std::memcpy(&u, &f, 4);
  return bits((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}
bits* in(const Tensor& t) {
  TORCH_CHECK(t.is_contiguous() && t.scalar_type() == torch::kBFloat16, "expected contiguous bf16");
  return reinterpret_cast<bits*>(t.data_ptr());
}
float* floats(const Tensor& t) {
  TORCH_CHECK(t.is_contiguous() && t.scalar_type() == torch::kFloat32, "expected contiguous fp32");
  return t.data_ptr<float>();
}

std::vector<Tensor> norm(const Tensor& x, const Tensor& w, double eps) {
  const long d = x.size(-1), n = x.numel() / d;
  Tensor y = torch::empty_like(x), r = torch::empty({n}, torch::kFloat32);
  const bits* px = in(x);
  const float* pw = floats(w);
  bits* py = in(y);
  float* pr = floats(r);
  for (long i = 0; i < n; ++i, px += d, py += d) {
    float s = 0;
    for (long j = 0; j < d; ++j) s += widen(px[j]) * widen(px[j]);
    const float k = pr[i] = 1 / std::sqrt(s / float(d) + float(eps));
    for (long j = 0; j < d; ++j) py[j] = narrow(widen(px[j]) * k * pw[j]);
  }
  return {y, r};
}

std::vector<Tensor> norm_grad(const Tensor& g, const Tensor& x, const Tensor& r, const Tensor& w) {
  const long d = x.size(-1), n = x.numel() / d;
  Tensor dx = torch::empty_like(x), dw = torch::zeros_like(w);
  const bits *px = in(x), *pg = in(g);
  const float *pw = floats(w), *pr = floats(r);
  bits* pd = in(dx);
  float* pdw = floats(dw);
  for (long i = 0; i < n; ++i, px += d, pg += d, pd += d) {
    const float k = pr[i];
    float s = 0;
    for (long j = 0; j < d; ++j) {
      const float gn = widen(pg[j]) * widen(px[j]) * k;
      pdw[j] += gn;
      s += gn * pw[j];
    }
    s /= float(d);
    for (long j = 0; j < d; ++j) pd[j] = narrow(k * (widen(pg[j]) * pw[j] - widen(px[j]) * k * s));
  }
  return {dx, dw};
}

Tensor gate(const Tensor& gu) {
  const long f = gu.size(-1) / 2, n = gu.numel() / (2 * f);
  auto shape = gu.sizes().vec();
  shape.back() = f;
  Tensor h = torch::empty(shape, gu.options());
  const bits* p = in(gu);
  bits* o = in(h);
  for (long i = 0; i < n; ++i, p += 2 * f, o += f)
    for (long j = 0; j < f; ++j) {
      const float a = widen(p[j]);
      o[j] = narrow(a / (1 + std::exp(-a)) * widen(p[f + j]));
    }
  return h;
}

Tensor gate_grad(const Tensor& g, const Tensor& gu) {
  const long f = gu.size(-1) / 2, n = gu.numel() / (2 * f);
  Tensor d = torch::empty_like(gu);
  const bits *p = in(gu), *pg = in(g);
  bits* o = in(d);
  for (long i = 0; i < n; ++i, p += 2 * f, o += 2 * f, pg += f)
    for (long j = 0; j < f; ++j) {
      const float a = widen(p[j]), s = 1 / (1 + std::exp(-a)), t = widen(pg[j]);
      o[j] = narrow(t * widen(p[f + j]) * s * (1 + a * (1 - s)));
      o[f + j] = narrow(t * a * s);
    }
  return d;
}

// x (B, T, (heads + 2 groups) * w) -> q (B, groups, heads / groups, T, w), k and v (B, groups, T, w); q and k turned,
// q scaled. With back, the gradients of q, k and v become that of x, which is filled.
void turn(const Tensor& x, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& cos,
          const Tensor& sin, bool back) {
  const long B = x.size(0), T = x.size(1), G = q.size(1), N = q.size(2), w = q.size(4),
             half = w / 2;
  const long H = G * N + 2 * G;
  const float *pc = floats(cos), *ps = floats(sin), scale = 1 / std::sqrt(float(w));
  bits *px = in(x), *pq = in(q), *pk = in(k), *pv = in(v);
  for (long b = 0; b < B; ++b)
    for (long t = 0; t < T; ++t) {
      const float *c = pc + t * half, *s = ps + t * half;
      for (long h = 0; h < H; ++h) {
        bits* a = px + ((b * T + t) * H + h) * w;
        if (h >= G * N + G) {
          bits* o = pv + ((b * G + h - G * N - G) * T + t) * w;
          if (back)
            std::memcpy(a, o, std::size_t(w) * 2);
          else
            std::memcpy(o, a, std::size_t(w) * 2);
          continue;
        }
        const bool query = h < G * N;
        bits* o =
            query ? pq + ((b * G * N + h) * T + t) * w : pk + ((b * G + h - G * N) * T + t) * w;
        const float m = query ? scale : 1;
        if (back)
          for (long j = 0; j < half; ++j) {
            const float y = widen(o[j]) * m, z = widen(o[half + j]) * m;
            a[j] = narrow(y * c[j] + z * s[j]);
            a[half + j] = narrow(z * c[j] - y * s[j]);
          }
        else
          for (long j = 0; j < half; ++j) {
            const float y = widen(a[j]) * m, z = widen(a[half + j]) * m;
            o[j] = narrow(y * c[j] - z * s[j]);
            o[half + j] = narrow(z * c[j] + y * s[j]);
          }
      }
    }
}

// In place: s (..., R, T) plus mask (R, T) -> softmax over T. Behind limit[r] all is masked.
void soften(const Tensor& s, const Tensor& mask, const Tensor& limit) {
  const long R = mask.size(0), T = mask.size(1), n = s.numel() / T;
  const float* pm = floats(mask);
  const int* pl = limit.data_ptr<int>();
  bits* p = in(s);
  std::vector<float> e(std::size_t(T), 0.f);
  float* f = e.data();
  for (long i = 0; i < n; ++i, p += T) {
    const long L = pl[i % R];
    const float* m = pm + i % R * T;
    float top = -3e38f, sum = 0;
    for (long j = 0; j < L; ++j) {
      f[j] = widen(p[j]) + m[j];
      top = f[j] > top ? f[j] : top;
    }
    for (long j = 0; j < L; ++j) {
      f[j] = std::exp(f[j] - top);
      sum += f[j];
    }
    const float k = 1 / sum;
    for (long j = 0; j < L; ++j) p[j] = narrow(f[j] * k);
    std::memset(p + L, 0, std::size_t(T - L) * 2);
  }
}

// In place: the gradient of the probabilities p becomes that of what they were made of.
void soften_grad(const Tensor& g, const Tensor& p, const Tensor& limit) {
  const long R = limit.size(0), T = p.size(-1), n = p.numel() / T;
  const int* pl = limit.data_ptr<int>();
  bits* pg = in(g);
  const bits* pp = in(p);
  for (long i = 0; i < n; ++i, pg += T, pp += T) {
    const long L = pl[i % R];
    float s = 0;
    for (long j = 0; j < L; ++j) s += widen(pg[j]) * widen(pp[j]);
    for (long j = 0; j < L; ++j) pg[j] = narrow(widen(pp[j]) * (widen(pg[j]) - s));
    std::memset(pg + L, 0, std::size_t(T - L) * 2);
  }
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  m.def("norm", &norm);
  m.def("norm_grad", &norm_grad);
  m.def("gate", &gate);
  m.def("gate_grad", &gate_grad);
  m.def("turn", &turn);
  m.def("soften", &soften);
  m.def("soften_grad", &soften_grad);
}
