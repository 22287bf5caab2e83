"""A selector of visual tokens for engines that, like vLLM, put image features in place of tokens.

An engine computes the features of an image once, and the language model then reads one token for each.
`VisualTokens` stands between the two: it keeps some of the features, and says how many tokens the prompt
needs in their place. It needs no attention, so that fused kernels stay as they are.
"""

import numpy as np
import torch

import tamp


class VisualTokens:
    """Keeps the `keep` features of each image that are least alike, or closest to the question."""

    def __init__(self, keep, question_weight=0.0):
        self.keep, self.question_weight = keep, question_weight

    def placeholders(self, features_per_image):
        """Return how many tokens the prompt has for an image."""
        return min(self.keep, features_per_image)

    def __call__(self, images, question=None):
        """Return the features of each image that stay, in their order: tensors of (features, width)."""
        kept = []
        for features in images:
            if question is None or self.question_weight == 0:
                places = tamp.token.divprune(features, self.keep)
            else:
                relevance = torch.nn.functional.cosine_similarity(features, question[None], dim=-1)
                places = tamp.token.cdpruner(
                    features, self.keep, relevance=relevance.float(), theta=self.question_weight)
            kept.append(features[torch.from_numpy(places).to(features.device)])
        return kept


if __name__ == "__main__":
    torch.manual_seed(0)
    images = [torch.randn(576, 64, dtype=torch.bfloat16), torch.randn(144, 64, dtype=torch.bfloat16)]
    select = VisualTokens(keep=64)
    print([tuple(image.shape) for image in select(images)], [select.placeholders(len(image)) for image in images])
    asking = VisualTokens(keep=64, question_weight=0.8)
    print([tuple(image.shape) for image in asking(images, question=images[0][0])])
    # With the attention of one layer, as FastV has it: the prompt's places of what stays.
    attention = torch.softmax(torch.randn(8, 1, 600), -1)
    kept = tamp.token.attention_top_k(attention, keep=64, visual=slice(5, 581))
    print(len(kept), "of 600 places stay;", np.count_nonzero((kept >= 5) & (kept < 581)), "of them visual")
