// Products of small matrices: one operand is read an element at a time, the other by vectors.
//
// c[m][n] = start[m] + sum over k of a[m, k] * p[k][n]. The sum may run over blocks of k, each of
// which has its own place in both operands, so that rows of a batch may lie in blocks.
#pragma once

#include <type_traits>

#include "simd.hpp"

namespace KOHORT_ISA {

template <class T>
struct Product {
    Index rows, columns, depth;  // of c; terms of each sum within a block
    const T* a;                  // element (m, k) at a[m * a_row + k * a_term]
    Index a_row, a_term;
    const T* p;  // row k at p + k * p_term
    Index p_term;
    T* c;  // row m at c + m * c_row
    Index c_row;
    const T* start = nullptr;  // what each sum starts from, one number per row; null for 0
    Index blocks = 1, a_block = 0, p_block = 0;
    Index last_depth = 0;  // terms within the last block; 0 for as many as in the others
};

template <class V, int R, int C, class T>
KOHORT_INLINE void tile(const Product<T>& job, Index m, Index n) {
    constexpr Index lanes = sizeof(V) / sizeof(T);
    V sum[R][C];
#pragma GCC unroll 16
    for (int i = 0; i < R; i++) {
        const V first = broadcast<V>(job.start ? job.start[m + i] : T(0));
#pragma GCC unroll 4
        for (int j = 0; j < C; j++) sum[i][j] = first;
    }
    for (Index block = 0; block < job.blocks; block++) {
        const Index depth = block == job.blocks - 1 && job.last_depth ? job.last_depth : job.depth;
        const T* a = job.a + m * job.a_row + block * job.a_block;
        const T* p = job.p + n + block * job.p_block;
        for (Index k = 0; k < depth; k++, a += job.a_term, p += job.p_term) {
            V right[C];
#pragma GCC unroll 4
            for (int j = 0; j < C; j++) right[j] = load<V>(p + j * lanes);
#pragma GCC unroll 16
            for (int i = 0; i < R; i++) {
                const V left = broadcast<V>(a[i * job.a_row]);
#pragma GCC unroll 4
                for (int j = 0; j < C; j++) sum[i][j] += left * right[j];
            }
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; i++)
#pragma GCC unroll 4
        for (int j = 0; j < C; j++) store(job.c + (m + i) * job.c_row + n + j * lanes, sum[i][j]);
}

// Rows of a tile of `vectors` vectors of columns, so that all sums stay in registers.
constexpr int tile_rows(int vectors) {
    if (KOHORT_MANY_REGISTERS) return vectors == 3 ? 8 : 12;
    return vectors == 3 ? 4 : vectors == 2 ? 6 : 8;
}

template <class V, int C, class T>
inline void strip(const Product<T>& job, Index n) {
    constexpr int most = tile_rows(C);
    Index m = 0;
    for (; m + most <= job.rows; m += most) tile<V, most, C>(job, m, n);
    if constexpr (most > 8)
        for (; m + 8 <= job.rows; m += 8) tile<V, 8, C>(job, m, n);
    for (; m + 4 <= job.rows; m += 4) tile<V, 4, C>(job, m, n);
    for (; m + 2 <= job.rows; m += 2) tile<V, 2, C>(job, m, n);
    for (; m < job.rows; m++) tile<V, 1, C>(job, m, n);
}

// Columns are a multiple of `Simd<T>::tail`.
template <class T>
inline void multiply(const Product<T>& job) {
    using Full = typename Simd<T>::Full;
    using Tail = typename Simd<T>::Tail;
    Index n = 0;
    for (Index vectors = job.columns / Simd<T>::lanes; vectors > 0;) {
        const Index width = vectors == 4 ? 2 : vectors < 3 ? vectors : 3;
        if (width == 3)
            strip<Full, 3>(job, n);
        else if (width == 2)
            strip<Full, 2>(job, n);
        else
            strip<Full, 1>(job, n);
        n += width * Simd<T>::lanes, vectors -= width;
    }
    for (; n < job.columns; n += Simd<T>::tail) strip<Tail, 1>(job, n);
}

// to[column][row] = from(row)[column]
template <class T, class From>
inline void transpose(From from, T* to, Index to_row, Index rows, Index columns) {
    constexpr Index side = 8;
    for (Index i = 0; i < rows; i += side)
        for (Index j = 0; j < columns; j += side) {
            const Index rest_i = rows - i < side ? rows - i : side;
            const Index rest_j = columns - j < side ? columns - j : side;
            if (rest_i == side && rest_j == side) {
                T block[side][side];
#pragma GCC unroll 8
                for (Index r = 0; r < side; r++) {
                    const auto* row = from(i + r) + j;
#pragma GCC unroll 8
                    for (Index c = 0; c < side; c++) block[r][c] = T(row[c]);
                }
#pragma GCC unroll 8
                for (Index c = 0; c < side; c++) {
                    T column[side];
#pragma GCC unroll 8
                    for (Index r = 0; r < side; r++) column[r] = block[r][c];
                    std::memcpy(to + (j + c) * to_row + i, column, sizeof column);
                }
            } else {
                for (Index r = 0; r < rest_i; r++)
                    for (Index c = 0; c < rest_j; c++)
                        to[(j + c) * to_row + i + r] = T(from(i + r)[j + c]);
            }
        }
}

}  // namespace KOHORT_ISA
