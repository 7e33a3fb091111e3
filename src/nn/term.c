/* nn/term.c — the grammar of one input of an update, such as "in sum w * sender x". */
/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include "base/check.h"
#include "nn/description.h"

enum { WORDS_MAX = 6, WORD_SIZE = 64 };

static const char *const reductions[] = {"sum", "mean", "max", "min", "std", "softmax", "attention", NULL};

typedef struct word_list {
    int n, next;
    char word[WORDS_MAX][WORD_SIZE];
} word_list;

static hg_status split(hg_context *ctx, const hg_yaml *node, const char *text, word_list *words)
{
    words->n = words->next = 0;
    while (*text) {
        size_t length = *text == '*' ? 1 : strcspn(text, " *");
        if (length > 0) {
            if (words->n == WORDS_MAX || length >= WORD_SIZE)
                return hg_yaml_fail(ctx, node, "input is too long: at most %d words", WORDS_MAX);
            memcpy(words->word[words->n], text, length);
            words->word[words->n++][length] = '\0';
        }
        text += length > 0 ? length : 1;
    }
    return HG_OK;
}

static bool accept(word_list *words, const char *word)
{
    if (words->next >= words->n || strcmp(words->word[words->next], word) != 0) return false;
    ++words->next;
    return true;
}

static hg_status take_name(hg_context *ctx, const hg_yaml *node, word_list *words, char *out)
{
    if (words->next >= words->n) return hg_yaml_fail(ctx, node, "expected the name of a table at the end of \"%s\"", node->text);
    const char *word = words->word[words->next++];
    bool good = isalpha((unsigned char)word[0]) || word[0] == '_';
    for (const char *c = word; *c; ++c) good = good && (isalnum((unsigned char)*c) || *c == '_');
    if (!good) return hg_yaml_fail(ctx, node, "found \"%s\", expected the name of a table (letters, digits, _)", word);
    memcpy(out, word, strlen(word) + 1);
    return HG_OK;
}

/* Message of a reduction: [FACTOR *] [sender | receiver] NAME. */
static hg_status parse_message(hg_context *ctx, const hg_yaml *node, word_list *words, hg_term_text *out)
{
    hg_status status = HG_OK;
    if (words->next + 1 < words->n && !strcmp(words->word[words->next + 1], "*")) {
        HG_TRY(take_name(ctx, node, words, out->weight));
        ++words->next;
    }
    if (accept(words, "sender")) {
        out->message = HG_SENDER;
    } else if (accept(words, "receiver")) {
        out->message = HG_RECEIVER;
    }
    HG_TRY(take_name(ctx, node, words, out->value));
done:
    return status;
}

hg_status hg_term_parse(hg_context *ctx, const hg_yaml *node, const char *text, hg_term_text *out)
{
    hg_status status = HG_OK;
    word_list words;
    hg_term_text term = {.access = HG_OWN, .message = HG_OWN};

    HG_TRY(split(ctx, node, text, &words));
    term.outgoing = accept(&words, "out");
    term.directed = term.outgoing || accept(&words, "in");
    bool reduced = false;
    for (int i = 0; reductions[i] && !reduced; ++i) {
        reduced = accept(&words, reductions[i]);
        if (reduced) term.reduction = (hg_reduction)i;
    }
    if (reduced) {
        term.access = HG_REDUCED;
        HG_TRY(parse_message(ctx, node, &words, &term));
    } else {
        if (term.directed) {
            status = hg_yaml_fail(ctx, node, "\"%s\": expected sum, mean, max, min, std, softmax or attention after in or out", text);
            goto done;
        }
        if (accept(&words, "sender")) {
            term.access = HG_SENDER;
        } else if (accept(&words, "receiver")) {
            term.access = HG_RECEIVER;
        } else if (accept(&words, "difference")) {
            term.access = HG_DIFFERENCE;
        }
        HG_TRY(take_name(ctx, node, &words, term.value));
    }
    if (words.next < words.n) {
        status = hg_yaml_fail(ctx, node, "\"%s\": did not expect \"%s\"", text, words.word[words.next]);
        goto done;
    }
    *out = term;
done:
    return status;
}
